import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  RedisPubSubModule,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { LocalCache } from 'nestjs-redis-pubsub/cache';
import type { RedisFaults } from 'nestjs-redis-pubsub/testing';
import { startContext } from '../e2e/module/apps.js';
import { eventually } from '../support/redis.js';
import { blind } from './blind-service.js';

type Connection = RedisPubSubModuleOptions['connection'];

/** A fault between Redis and the reader, from its beginning to its end. */
export interface CacheFault {
  readonly begin: () => unknown;
  readonly end: () => unknown;
}

/** A Redis with faults, whose clock the test may control. */
export interface CacheRedis {
  /** For the reader, which the faults concern. */
  readonly connection: Connection;
  /** For the writer, which only faults of a server in memory concern. */
  readonly direct: Connection;
  readonly faults: RedisFaults;
  /** Faults of this source alone. */
  readonly more?: Readonly<Record<string, CacheFault>>;
  /** Publishes JSON as another service, which no fault concerns. */
  readonly publish: (channel: string, data: unknown) => unknown;
  /** Resolves when this much time has passed. */
  readonly pass: (ms: number) => Promise<void>;
}

type Service = ConstructorParameters<typeof LocalCache>[0];

/** Short times, so that a test is short. */
const SOON = {
  pingInterval: 100,
  pingTimeout: 500,
  probeInterval: 200,
  addressCheckInterval: 0,
  publishBuffer: false,
} as const satisfies RedisPubSubModuleOptions;

const KEY = 'price:7';

/** A database that all instances share. */
class Database {
  version = 0;
  loads = 0;
  committedAt = performance.now();

  readonly load = async (): Promise<number> => {
    this.loads++;
    return this.version;
  };
}

/** Two instances, and a third cache in the first one: a blind one. */
export async function startCaches(redis: CacheRedis) {
  const prefix = `${randomUUID()}:`;
  const database = new Database();
  const startService = async (connection: Connection) => {
    const module = RedisPubSubModule.forRoot({ ...SOON, connection, prefix });
    const { app } = await startContext({ imports: [module] });
    return app.get(RedisPubSubService);
  };
  const open = async (service: Service) => {
    const cache = new LocalCache<number>(service, { channel: 'invalidated' });
    await eventually(async () => {
      await cache.get(KEY, database.load);
      return cache.peek(KEY) !== undefined;
    });
    return cache;
  };
  const service = await startService(redis.connection);
  const cache = await open(service);
  return {
    ...redis,
    service,
    cache,
    naive: await open(blind(service)),
    writer: await open(await startService(redis.direct)),
    database,
    read: () => cache.get(KEY, database.load),
    /** Another service writes, and publishes what it has written. */
    write: async () => {
      database.version++;
      await redis.publish(`${prefix}invalidated`, { keys: [KEY] });
      database.committedAt = performance.now();
    },
  };
}

type Caches = Awaited<ReturnType<typeof startCaches>>;

/** Reads until the bound has passed, and expects no old value after it. */
async function expectBounded({ cache, read, database, pass }: Caches): Promise<void> {
  // The times of delivery are whole milliseconds.
  const bound = database.committedAt + cache.maxStaleness + 1;
  while (performance.now() <= bound) {
    await read();
    await pass(5);
  }
  expect(await read()).toBe(database.version);
}

const FAULTS: Readonly<Record<string, (faults: RedisFaults) => void>> = {
  cut: (faults) => faults.cut(),
  deafen: (faults) => faults.deafen(),
  'delay for ever': (faults) => faults.delay(Infinity),
  'refuse to subscribe': (faults) => faults.refuse('SUBSCRIBE'),
};

/** The same promise in each fault, from whatever source. `more` names the faults that only this source has. */
export function cacheFaultsSuite(
  name: string,
  create: () => Promise<CacheRedis>,
  more: readonly string[] = [],
): void {
  describe(`a local cache over ${name}`, () => {
    it.each([...Object.keys(FAULTS), ...more])(
      '%s: no value is older than the bound, and a cache that ignores the status has an old one',
      async (fault) => {
        const caches = await startCaches(await create());
        const { cache, naive, service, faults } = caches;
        const { begin, end } = caches.more?.[fault] ?? {
          begin: () => FAULTS[fault]?.(faults),
          end: () => faults.restore(),
        };
        // On a busy machine a connection may have been replaced by now.
        await eventually(async () => (await caches.read()) === 0 && cache.peek(KEY) === 0);
        expect(naive.peek(KEY)).toBe(0);
        await begin();
        await caches.write();
        await expectBounded(caches);
        expect(naive.peek(KEY)).toBe(0);
        await end();
        await eventually(async () => {
          expect(await caches.read()).toBe(1);
          return service.status === 'connected' && cache.peek(KEY) === 1;
        });
      },
    );

    it('delay: a value is old until the message arrives, and not longer than the bound', async () => {
      const caches = await startCaches(await create());
      caches.faults.delay(100);
      await caches.write();
      await expectBounded(caches);
      expect(caches.service.status).toBe('connected');
      await eventually(() => caches.cache.peek(KEY) === 1);
    });

    it('dropNext: a loss shows within the bound, by the message that follows', async () => {
      const caches = await startCaches(await create());
      const { cache, naive, writer, database, faults } = caches;
      // A loss shows by the number of a later message: this is the first one.
      await cache.get('other', database.load);
      await writer.invalidate('other');
      await eventually(() => cache.peek('other') === undefined);
      faults.dropNext(1);
      database.version++;
      await writer.invalidate(KEY);
      database.committedAt = performance.now();
      await expectBounded(caches);
      expect(naive.peek(KEY)).toBe(0);
      await eventually(() => cache.peek(KEY) === 1);
    });

    it('without a fault, one message removes the value of each instance', async () => {
      const { cache, writer, database } = await startCaches(await create());
      database.version++;
      await writer.invalidate(KEY);
      // The writer reads its own write.
      expect(await writer.get(KEY, database.load)).toBe(1);
      await eventually(() => cache.peek(KEY) === undefined);
      expect(await cache.get(KEY, database.load)).toBe(1);
      const { loads } = database;
      await writer.invalidateAll();
      await eventually(() => cache.size === 0);
      expect(await cache.get(KEY, database.load)).toBe(1);
      expect(database.loads).toBe(loads + 1);
    });

    it('does not keep what was read before an invalidation that arrived during the load', async () => {
      const { cache, writer, database } = await startCaches(await create());
      let finish: (() => void) | undefined;
      const loading = cache.get('slow', async () => {
        const read = database.version;
        await new Promise<void>((resolve) => (finish = resolve));
        return read;
      });
      await eventually(() => finish !== undefined);
      database.version++;
      await writer.invalidate(['slow', KEY]);
      await eventually(() => cache.peek(KEY) === undefined);
      finish?.();
      expect(await loading).toBe(0);
      expect(cache.peek('slow')).toBeUndefined();
      expect(await cache.get('slow', database.load)).toBe(1);
    });
  });
}
