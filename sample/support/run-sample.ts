import { EventEmitter, once } from 'node:events';
import { startPrivateRedis, type PrivateRedis } from './private-redis.js';

const redis = await openRedis();

/** The URL of the Redis server of the sample: REDIS_URL, or a private server. */
export const connection = redis.url;

/** Runs a sample and then stops the private Redis server. */
export async function runSample(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } finally {
    await redis.stop();
  }
}

const received: string[] = [];
const events = new EventEmitter();

/** Stores a line about a message that a handler received, for `printReceived`. */
export function recordReceived(line: string): void {
  received.push(line);
  events.emit('line');
}

/**
 * Waits for `count` lines from handlers and prints them in sorted order, because messages of different
 * subscriptions can arrive in any order.
 */
export async function printReceived(count: number): Promise<void> {
  while (received.length < count) await once(events, 'line');
  for (const line of received.splice(0).toSorted()) console.log(`  ${line}`);
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
