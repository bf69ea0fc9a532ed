import { startPrivateRedis } from '../../sample/support/private-redis.js';

/** Ends the run at once, with words on how to get a Redis, where none can be started. */
export async function setup(): Promise<void> {
  const redis = await startPrivateRedis();
  await redis.stop();
}
