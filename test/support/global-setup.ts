import { Redis } from 'ioredis';
import type { TestProject } from 'vitest/node';
import { startPrivateRedis } from '../../sample/support/private-redis.js';
import { serverIn } from '../../src/keyspace/keyspace-servers.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether the server that the tests run against has sharded Pub/Sub (7.0 and later). */
    hasSharded: boolean;
    /** Whether it reports the changes of the fields of hashes (Redis 8.8 and later). */
    hasHashFields: boolean;
    /** Whether the tests run over `InMemoryRedis`. */
    isInMemory: boolean;
  }
}

/** Fails the run at once, with advice on how to get a Redis, if none can be started. */
export async function setup(project: TestProject): Promise<void> {
  const redis = await startPrivateRedis();
  const client = new Redis(redis.url);
  const info = await client.info('server');
  project.provide('isInMemory', false);
  project.provide('hasSharded', /^redis_version:(?:[7-9]|\d\d)/m.test(info));
  project.provide('hasHashFields', serverIn(info)?.hasFields === true);
  client.disconnect();
  await redis.stop();
}
