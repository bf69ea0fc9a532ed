import { CACHE_MANAGER, CacheModule, type Cache } from '@nestjs/cache-manager';
import { Keyv, type KeyvStoreAdapter } from 'keyv';
import { describe, expect, it, vi } from 'vitest';
import { InvalidOptionError, RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { LocalCacheStore, type StoreOfCache } from 'nestjs-redis-pubsub/cache';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';
import { startService } from '../module/service-app.js';

const redis = useRedis();

/** A storage adapter that all instances share, and that counts what is read. */
class SharedStore {
  readonly opts = { dialect: 'redis', url: '' };
  namespace: string | undefined;
  readonly values = new Map<string, unknown>();
  readonly reads: string[][] = [];
  failure: Error | undefined;
  isDisconnected = false;

  async get(key: string): Promise<unknown> {
    return (await this.getMany([key]))[0];
  }

  async getMany(keys: string[]): Promise<unknown[]> {
    this.reads.push([...keys]);
    return keys.map((key) => this.values.get(key));
  }

  async set(key: string, value: unknown): Promise<boolean> {
    this.values.set(key, value);
    if (this.failure) throw this.failure;
    return true;
  }

  async delete(key: string): Promise<boolean> {
    return this.values.delete(key);
  }

  async clear(): Promise<void> {
    this.values.clear();
  }

  async disconnect(): Promise<void> {
    this.isDisconnected = true;
  }

  async *iterator(): AsyncGenerator<[string, unknown], void> {
    yield* this.values;
  }
}

/** As {@link SharedStore}, with all methods that Keyv uses if they are there. */
class FullStore extends SharedStore {
  async setMany(entries: { key: string; value: unknown }[]): Promise<boolean[]> {
    return Promise.all(entries.map(({ key, value }) => this.set(key, value)));
  }

  async deleteMany(keys: string[]): Promise<boolean> {
    return keys.map((key) => this.values.delete(key)).every(Boolean);
  }
}

const CHANNEL = 'cache.invalidated';

/** An instance whose cache is in use. */
async function start(store: StoreOfCache) {
  const { service } = await startService(redis);
  const local = new LocalCacheStore(service, { store, channel: CHANNEL });
  // Its methods must fit the type of Keyv.
  const adapter: KeyvStoreAdapter = local;
  const keyv = new Keyv({ store: adapter });
  await eventually(async () => {
    await local.cache.get('started', () => 1);
    return local.cache.peek('started') === 1;
  });
  return { keyv, local, service };
}

describe.each([
  ['few', SharedStore],
  ['all', FullStore],
])('a local cache before a storage adapter with %s methods', (_, Store) => {
  it('reads the store once, until another instance sets or deletes the value', async () => {
    const store = new Store();
    const [one, other] = [await start(store), await start(store)];
    expect(await one.keyv.set('a', { n: 1 })).toBe(true);
    for (const _ of 'abc') expect(await other.keyv.get('a')).toEqual({ n: 1 });
    expect(store.reads).toEqual([['keyv:a']]);
    await one.keyv.set('a', { n: 2 }, 60_000);
    await eventually(async () => {
      const value = await other.keyv.get('a');
      return (value as { n: number }).n === 2;
    });
    expect(await one.keyv.delete('a')).toBe(true);
    await eventually(async () => (await other.keyv.get('a')) === undefined);
    expect(await one.keyv.delete('a')).toBe(false);
  });

  it('reads, sets and deletes several keys', async () => {
    const store = new Store();
    const [one, other] = [await start(store), await start(store)];
    await one.keyv.setMany(['a', 'b', 'c'].map((key) => ({ key, value: key })));
    expect(await other.keyv.get('b')).toBe('b');
    expect(await other.keyv.getMany(['a', 'b', 'c', 'x'])).toEqual(['a', 'b', 'c', undefined]);
    // What is in memory is not read again, and the rest is read together.
    expect(store.reads).toEqual([['keyv:b'], ['keyv:a', 'keyv:c', 'keyv:x']]);
    expect(await other.keyv.has('a')).toBe(true);
    expect(await one.keyv.deleteMany(['a', 'b'])).toBe(true);
    await eventually(async () => (await other.keyv.getMany(['a', 'b'])).every((it) => !it));
    await one.keyv.clear();
    await eventually(async () => !(await other.keyv.has('c')));
    expect(await other.keyv.get('c')).toBeUndefined();
  });
});

describe('a local cache before a storage adapter', () => {
  it('invalidates although the store has failed: it may have the value', async () => {
    const store = new SharedStore();
    const [one, other] = [await start(store), await start(store)];
    await one.keyv.set('a', 1);
    await other.keyv.get('a');
    store.failure = new Error('timeout');
    const errors: unknown[] = [];
    one.keyv.on('error', (error) => errors.push(error));
    expect(await one.keyv.set('a', 2)).toBe(false);
    expect(errors).toEqual([store.failure]);
    await eventually(async () => (await other.keyv.get('a')) === 2);
  });

  it('rejects a write that it cannot publish, and has all values removed later', async () => {
    const store = new SharedStore();
    const { service } = await startService(redis);
    const local = new LocalCacheStore(service, { store, channel: CHANNEL });
    const other = await start(store);
    store.values.set('keyv:a', '{"value":1}');
    const publish = vi.spyOn(service, 'publish').mockRejectedValueOnce(new Error('down'));
    await eventually(async () => {
      expect(await other.keyv.get('a')).toBe(1);
      return other.local.cache.peek('keyv:a') !== undefined;
    });
    await expect(local.set('keyv:a', '{"value":2}')).rejects.toThrow('down');
    await eventually(async () => (await other.keyv.get('a')) === 2);
    expect(publish).toHaveBeenLastCalledWith(CHANNEL, { all: true }, {});
  });

  it('passes the namespace, the iterator and the end on to the store', async () => {
    const store = new SharedStore();
    const { keyv, local } = await start(store);
    expect(store.namespace).toBe('keyv');
    await keyv.set('a', 1);
    const entries: unknown[] = [];
    for await (const entry of keyv.iterator?.('keyv') ?? []) entries.push(entry);
    expect(entries).toEqual([['a', 1]]);
    await keyv.disconnect();
    expect(store.isDisconnected).toBe(true);
    expect(local.cache.size).toBe(0);
  });

  it('takes a Map, which has neither events nor an iterator for Keyv', async () => {
    const { keyv, local } = await start(new Map());
    await keyv.set('a', 1);
    expect(await keyv.get('a')).toBe(1);
    expect(local.cache.peek('keyv:a')).toBe('{"value":1}');
    expect(keyv.iterator).toBeUndefined();
    expect(local.on('error', () => undefined)).toBe(local);
    await keyv.disconnect();
  });

  it('expires as Keyv says, although the value is in memory', async () => {
    const { keyv } = await start(new SharedStore());
    const now = Date.now();
    await keyv.set('a', 1, 60_000);
    expect(await keyv.get('a')).toBe(1);
    vi.useFakeTimers({ toFake: ['Date'], now: now + 120_000 });
    try {
      expect(await keyv.get('a')).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  it('refuses what is no storage adapter of Keyv 5', async () => {
    const { service } = await startService(redis);
    for (const store of [undefined, {}, new Set()]) {
      const options = { store: store as never, channel: CHANNEL };
      expect(() => new LocalCacheStore(service, options)).toThrow(InvalidOptionError);
    }
    expect(() => new LocalCacheStore(service, undefined as never)).toThrow(InvalidOptionError);
    const six = Object.assign(new SharedStore(), { capabilities: { expires: true } });
    expect(() => new LocalCacheStore(service, { store: six, channel: CHANNEL })).toThrow(
      'Expected "store" to be a storage adapter of Keyv 5, which takes a time to live, got "one of Keyv 6"',
    );
  });

  it('serves the cache manager of Nest', async () => {
    const store = new SharedStore();
    const startManager = async (): Promise<Cache> => {
      const { app } = await startContext({
        imports: [
          RedisPubSubModule.forRoot({ connection: redis.url, isGlobal: true }),
          CacheModule.registerAsync({
            inject: [RedisPubSubService],
            useFactory: (service: RedisPubSubService) => ({
              stores: [new LocalCacheStore(service, { store, channel: CHANNEL })],
            }),
          }),
        ],
      });
      return app.get<Cache>(CACHE_MANAGER);
    };
    const [one, other] = [await startManager(), await startManager()];
    expect(await one.wrap('price', async () => 1)).toBe(1);
    await eventually(async () => {
      const { length } = store.reads;
      expect(await other.get('price')).toBe(1);
      return store.reads.length === length;
    });
    await one.set('price', 2);
    await eventually(async () => (await other.get('price')) === 2);
    await one.del('price');
    await eventually(async () => (await other.get('price')) === undefined);
  });
});
