import { EventEmitter, once } from 'node:events';
import { startPrivateRedis, type PrivateRedis } from './private-redis.js';

const redis = await openRedis();

/** The Redis of the sample: that of REDIS_URL, or one of its own. */
export const connection = redis.url;

/** Runs what a sample shows, and stops the Redis that was started for it. */
export async function runSample(show: () => Promise<void>): Promise<void> {
  try {
    await show();
  } finally {
    await redis.stop();
  }
}

const heard: string[] = [];
const arrivals = new EventEmitter();

/** Takes the line of a handler, for `printHeard`. */
export function hear(line: string): void {
  heard.push(line);
  arrivals.emit('line');
}

/**
 * Waits until handlers have heard so many lines, and prints them. Sorted: what comes by different
 * subscriptions may come in any order.
 */
export async function printHeard(count: number): Promise<void> {
  while (heard.length < count) await once(arrivals, 'line');
  for (const line of heard.splice(0).toSorted()) console.log(`  ${line}`);
}

async function openRedis(): Promise<Pick<PrivateRedis, 'url' | 'stop'>> {
  const url = process.env.REDIS_URL;
  if (url) return { url, stop: () => Promise.resolve() };
  try {
    return await startPrivateRedis();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return process.exit(1);
  }
}
