import { startPrivateRedis, type PrivateRedis } from './private-redis.js';

export { printReceived, recordReceived } from './received.js';

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
