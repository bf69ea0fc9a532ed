import * as fc from 'fast-check';
import { Redis, type RedisOptions } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../../src/errors.js';
import { onSocket } from '../../../../src/broker/connection/ioredis-internals.js';
import { IS_IOREDIS_6 } from '../../../support/ioredis-version.js';
import { createClients, retryDelay } from '../../../../src/broker/connection/create-clients.js';

/** The options of the three clients, by their roles. */
function optionsOf(connection: Parameters<typeof createClients>[0]) {
  const { publisher, subscriber, shardSubscriber } = createClients(connection);
  return [publisher.options, subscriber.options, shardSubscriber.options] as const;
}

const own = (): number => 1;

describe('createClients', () => {
  it('creates three clients that are not connected', () => {
    const { publisher, subscriber, shardSubscriber, ownsPublisher } = createClients({});
    expect([publisher, subscriber, shardSubscriber].map(({ status }) => status)).toEqual([
      'wait',
      'wait',
      'wait',
    ]);
    expect(new Set([publisher, subscriber, shardSubscriber]).size).toBe(3);
    expect(ownsPublisher).toBe(true);
  });

  it('refuses a class that is no connector, where the clients are made ready', () => {
    class None {}
    const { publisher } = createClients({ Connector: None as never });
    expect(() => onSocket(publisher, () => undefined)).toThrow(InvalidOptionError);
    expect(() => onSocket(publisher, () => undefined)).toThrow('"connection.Connector" to be a');
  });

  it.each([
    'redis://10.0.0.1:7000?enableOfflineQueue=true&maxRetriesPerRequest=5&keyPrefix=x&lazyConnect=false',
    {
      host: '10.0.0.1',
      port: 7_000,
      enableOfflineQueue: true,
      maxRetriesPerRequest: 5,
      keyPrefix: 'x',
    },
  ])('overrides options that would send a command twice or late: %j', (connection) => {
    for (const options of optionsOf(connection)) {
      expect(options).toMatchObject({
        host: '10.0.0.1',
        port: 7_000,
        lazyConnect: true,
        enableOfflineQueue: false,
        maxRetriesPerRequest: 0,
        autoResubscribe: false,
        enableAutoPipelining: false,
        keyPrefix: '',
      });
    }
  });

  it('gives a subscriber neither a deadline nor a database', () => {
    const [publisher, ...subscribers] = optionsOf({ commandTimeout: 100, db: 3 });
    expect(publisher).toMatchObject({ commandTimeout: 100, db: 3 });
    for (const options of subscribers) {
      expect(options).toMatchObject({ commandTimeout: undefined, db: 0 });
    }
  });

  it('uses the delays of this package unless there is a retryStrategy', () => {
    for (const { retryStrategy } of optionsOf({})) expect(retryStrategy).toBe(retryDelay);
    for (const options of optionsOf({ retryStrategy: own })) {
      expect(options.retryStrategy).toBe(own);
    }
  });

  it("duplicates a user's own client for the subscribers alone", () => {
    const client = new Redis({ host: '10.0.0.7', lazyConnect: true, keyPrefix: 'x' });
    const { publisher, subscriber, ownsPublisher } = createClients(client);
    expect([publisher === client, ownsPublisher]).toEqual([true, false]);
    expect(subscriber.options).toMatchObject({
      host: '10.0.0.7',
      keyPrefix: '',
      lazyConnect: true,
    });
    expect(subscriber.options.retryStrategy).toBe(retryDelay);
  });

  it("keeps the retryStrategy of a user's own client", () => {
    const client = new Redis({ lazyConnect: true, retryStrategy: own });
    expect(createClients(client).subscriber.options.retryStrategy).toBe(own);
  });

  it.each([
    ['redis://10.0.0.1?connectTimeout=250', 'connectTimeout', 250],
    ['redis://10.0.0.1?noDelay=false', 'noDelay', false],
    ['redis://10.0.0.1?readOnly=true', 'readOnly', true],
    ['redis://10.0.0.1?connectionName=42', 'connectionName', '42'],
    ['redis://10.0.0.1?sentinelPassword=42', 'sentinelPassword', '42'],
  ])('reads the query of %s as %s = %j', (url, name, value) => {
    for (const options of optionsOf(url)) expect(Reflect.get(options, name)).toBe(value);
  });

  it.each<[string, RedisOptions]>([
    ['redis://user:pw@10.0.0.1:7000/2', { host: '10.0.0.1', port: 7_000, username: 'user' }],
    ['redis://10.0.0.1?connectTimeout=0250', { connectTimeout: 250 }],
    ['redis://10.0.0.1', { connectTimeout: 5, connectionName: 'mine' }],
    ['rediss://10.0.0.1', { tls: { servername: 'redis.example' } }],
  ])('merges the url %s with further options as ioredis does', (url, expected) => {
    const { connectTimeout = 1_000, connectionName, tls } = expected;
    const given = { ...(connectTimeout === 250 ? {} : { connectTimeout }), connectionName, tls };
    for (const options of optionsOf({ url, ...(given as RedisOptions) })) {
      expect(options).toMatchObject(expected);
      expect('url' in options).toBe(false);
    }
  });

  // ioredis 5 accepts everything, and has no such option.
  it.runIf(IS_IOREDIS_6)('refuses what ioredis does not accept', () => {
    const connection = { replyMapping: 'resp3', protocol: 2 } as const;
    expect(() => createClients(connection)).toThrow(InvalidOptionError);
    expect(() => createClients(connection)).toThrow(
      'Expected "connection" to be what ioredis accepts (The "resp3" replyMapping is only',
    );
  });

  it('creates a further client with options in the place of its own', () => {
    for (const connection of [
      'redis://10.0.0.1:7000',
      new Redis({ lazyConnect: true, host: '10.0.0.1', port: 7_000 }),
    ]) {
      const client = createClients(connection).createClient({ lazyConnect: true, db: 3 });
      expect(client.options).toMatchObject({ host: '10.0.0.1', port: 7_000, db: 3 });
    }
  });

  it.each([
    [{}, 1_000],
    [{ sentinelCommandTimeout: 50 }, 50],
  ])('with sentinels and %j sets a deadline', (more, timeout) => {
    const sentinels = [{ host: '10.0.0.9', port: 26_379 }];
    for (const options of optionsOf({ sentinels, name: 'main', ...more })) {
      expect(options).toMatchObject({ failoverDetector: true, sentinelCommandTimeout: timeout });
    }
  });

  it('sets no deadline for sentinels without them', () => {
    for (const options of optionsOf({})) expect(options.failoverDetector).toBe(false);
  });
});

describe('retryDelay', () => {
  it('grows from 50 to 500 ms, with a jitter of up to 200 ms', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (attempt) => {
        const least = [50, 100, 200, 400][attempt - 1] ?? 500;
        const delay = retryDelay(attempt);
        expect(delay).toBeGreaterThanOrEqual(least);
        expect(delay).toBeLessThan(least + 200);
      }),
    );
  });
});
