import { Redis, type RedisOptions } from 'ioredis';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { RedisConnection } from 'nestjs-redis-pubsub';
import type { BrokerOptions } from '../../src/broker/broker-options.js';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import { closeAfterTest } from '../support/app.js';
import { plain, useRedis } from '../support/redis.js';
import { brokerSuite } from './broker.suite.js';
import { createBroker } from './test-broker.js';

const folder = mkdtempSync(join(tmpdir(), 'redis-'));
const socket = join(folder, 'redis.sock');
afterAll(() => rmSync(folder, { recursive: true }));

const user = (name: string, ...channels: string[]): string[] => [
  '--user',
  name,
  'on',
  '>se@cret',
  'resetchannels',
  ...channels,
  '~*',
  '+@all',
];

const redis = useRedis(['--unixsocket', socket, ...user('app', '&*'), ...user('limited', '&ok.*')]);

const broker = (connection: RedisConnection, options?: Partial<BrokerOptions>): RedisBroker =>
  createBroker(connection, options);

/** A client of the user's own; closed after the test. */
function own(options: RedisOptions): Redis {
  const client = new Redis({ ...plain(redis.port), ...options });
  // Without a listener ioredis prints each failed attempt.
  client.on('error', () => undefined);
  closeAfterTest(async () => client.disconnect());
  return client;
}

const asLimited: RedisOptions = { username: 'limited', password: 'se@cret' };

brokerSuite('a broker over a URL, with RESP3', {
  create: () => broker(redis.url),
  features: {
    redis,
    createLimited: () => broker(redis.url.replace('//', '//limited:se%40cret@')),
  },
});

brokerSuite('a broker over options, with RESP2', {
  create: () => broker({ ...plain(redis.port), protocol: 2 }),
  features: {
    redis,
    createLimited: () => broker({ ...plain(redis.port), ...asLimited, protocol: 2 }),
  },
});

brokerSuite('a broker over a unix socket', {
  create: () => broker({ path: socket }),
  features: { redis, createLimited: () => broker({ path: socket, ...asLimited }) },
});

brokerSuite('a broker of an ACL user', {
  create: () => broker({ ...plain(redis.port), username: 'app', password: 'se@cret' }),
  features: { redis },
});

brokerSuite('a broker that sends in batches', {
  create: () => broker(redis.url, { batchPublishes: true }),
  features: {
    redis,
    createLimited: () => broker({ ...plain(redis.port), ...asLimited }, { batchPublishes: true }),
  },
});

brokerSuite("a broker over a client of the user's own", {
  create: () => broker(own({})),
  features: { redis, createLimited: () => broker(own(asLimited)), failsInFlight: false },
});

brokerSuite("a broker over a user's own client with keyPrefix and auto-pipelining", {
  create: () => broker(own({ keyPrefix: 'key:', enableAutoPipelining: true })),
  features: { redis, failsInFlight: false },
});
