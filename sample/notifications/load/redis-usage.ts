import { Redis } from 'ioredis';
import type { ProcessUsage } from './process-usage.js';

const MS_PER_SECOND = 1_000;

/** Memory and CPU time of a Redis server, over a connection of its own. */
export async function redisUsage(url: string): Promise<ProcessUsage> {
  const redis = new Redis(url);
  try {
    const [cpu, memory] = [await redis.info('cpu'), await redis.info('memory')];
    const seconds = fieldOf(cpu, 'used_cpu_user') + fieldOf(cpu, 'used_cpu_sys');
    return { cpu: seconds * MS_PER_SECOND, memory: fieldOf(memory, 'used_memory_rss') };
  } finally {
    redis.disconnect();
  }
}

function fieldOf(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(.+)\\r?$`, 'm').exec(info)?.[1] ?? NaN);
}
