import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  PubSubError,
  RedisPubSubClient,
  type RedisConnection,
} from 'nestjs-redis-pubsub';
import { captureLog } from '../../support/app.js';
import { plain, useRedis } from '../../support/redis.js';

const SECRET = 'hunter2-marked';
const FUNCTION = (): undefined => undefined;
const THROWS = (): never => {
  throw new Error('thrown');
};

/** Values that a field may have by mistake. */
const ODD: readonly unknown[] = [
  Number.NaN,
  Infinity,
  -1,
  0,
  1.5,
  1e12,
  5n,
  '',
  'x',
  '7',
  'a\r\nb',
  '\ud800',
  null,
  undefined,
  true,
  false,
  {},
  Object.create(null),
  [],
  [null],
  [{}],
  [1, 2],
  Symbol('x'),
  FUNCTION,
  THROWS,
  new Map(),
  Buffer.from('x'),
  new Date(Number.NaN),
];

/** The options of ioredis, and some that it does not have. */
const FIELDS =
  `host port path url db family protocol replyMapping username password tls name role sentinels
   sentinelPassword sentinelTLS sentinelRetryStrategy preferredSlaves natMap connectionName clientInfoTag
   connectTimeout commandTimeout socketTimeout keepAlive noDelay disconnectTimeout blockingTimeout
   blockingTimeoutGrace maxLoadingRetryTime retryStrategy reconnectOnError enableReadyCheck readOnly
   stringNumbers enableOfflineQueue autoResubscribe autoResendUnfulfilledCommands maxRetriesPerRequest
   keyPrefix lazyConnect monitor scripts himportFieldsets Connector disableClientInfo
   enableAutoPipelining showFriendlyErrorStack offlineQueue hostname nodes isCluster isOpen`
    .trim()
    .split(/\s+/);

/** What became of a connection: its refusal, the error of its first attempt, or nothing. */
async function outcomeOf(connection: unknown): Promise<unknown> {
  captureLog();
  const outcome: unknown = await Promise.resolve()
    .then(() => new RedisPubSubClient({ connection: connection as RedisConnection }))
    .then(async (client) => {
      try {
        await client.connect();
      } finally {
        await client.close();
      }
    })
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  const isExpected =
    outcome instanceof InvalidOptionError
      ? /^Expected "connection.* to be [\s\S]+, got /.test(outcome.message)
      : outcome === undefined || outcome instanceof PubSubError;
  return isExpected ? outcome : `not an error of this package: ${inspect(outcome)}`;
}

describe('a value of connection', () => {
  const redis = useRedis();
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  const others = {
    unhandledRejection: process.listeners('unhandledRejection'),
    uncaughtException: process.listeners('uncaughtException'),
  };

  beforeAll(() => {
    for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
      process.removeAllListeners(event);
      process.on(event, note);
    }
  });
  afterAll(() => {
    for (const [event, listeners] of Object.entries(others)) {
      process.removeAllListeners(event);
      for (const listener of listeners) process.on(event, listener as () => void);
    }
  });

  it.each(FIELDS)('is refused or fails in a promise, and ends no process: %s', async (field) => {
    for (const value of ODD) {
      const fast = { connectTimeout: 100, password: SECRET };
      const options = { ...plain(redis.port), ...fast, [field]: value };
      const error = await outcomeOf(options);
      expect(error).not.toBeTypeOf('string');
      expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(SECRET);
    }
    await new Promise(setImmediate);
    expect(uncaught.splice(0)).toEqual([]);
  });

  it('is refused or fails in a promise, and ends no process: itself', async () => {
    for (const value of ODD) {
      if (Object.prototype.toString.call(value) === '[object Object]') continue;
      expect(await outcomeOf(value)).not.toBeTypeOf('string');
    }
    expect(uncaught.splice(0)).toEqual([]);
  });
});
