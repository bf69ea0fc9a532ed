import type { KeyvStoreAdapter } from 'keyv';
import { Keyv } from 'keyv';
import type { PubSubEngine } from 'graphql-subscriptions';
import { describe, expectTypeOf, it } from 'vitest';
import type { RedisPubSubService } from 'nestjs-redis-pubsub';
import { LocalCache, LocalCacheStore } from 'nestjs-redis-pubsub/cache';
import { RedisPubSubEngine, type MissedMessages } from 'nestjs-redis-pubsub/graphql';

declare const service: RedisPubSubService;
declare const adapter: KeyvStoreAdapter;

describe('types of leaves', () => {
  it('a local cache types its values', () => {
    const cache = new LocalCache<number | null>(service, { channel: 'a' });
    expectTypeOf(cache.get('a', () => 1)).toEqualTypeOf<Promise<number | null>>();
    expectTypeOf(cache.get('a', async () => null)).toEqualTypeOf<Promise<number | null>>();
    expectTypeOf(cache.peek('a')).toEqualTypeOf<number | null | undefined>();
    // @ts-expect-error the value has another type
    void cache.get('a', () => 'b');
    // @ts-expect-error the channel is required
    void new LocalCache(service, {});
    // @ts-expect-error `maxEntry` is no option
    void new LocalCache(service, { channel: 'a', maxEntry: 1 });
  });

  it('a store of a local cache takes and is a storage adapter of Keyv', () => {
    const store = new LocalCacheStore(service, { channel: 'a', store: adapter });
    expectTypeOf(store).toExtend<KeyvStoreAdapter>();
    void new Keyv(store);
    void new Keyv({ store });
    void new LocalCacheStore(service, { channel: 'a', store: new Map<string, unknown>() });
    // @ts-expect-error the store is required
    void new LocalCacheStore(service, { channel: 'a' });
  });

  it('the engine is an engine of graphql-subscriptions', () => {
    const engine = new RedisPubSubEngine(service, {
      onGap: (missed) => expectTypeOf(missed).toEqualTypeOf<MissedMessages>(),
    });
    expectTypeOf(engine).toExtend<PubSubEngine>();
    const iterator = engine.asyncIterableIterator<{ id: number }>(['a', 'b'], { maxWaiting: 5 });
    expectTypeOf(iterator.next()).resolves.toExtend<IteratorResult<{ id: number }>>();
    // @ts-expect-error `latest` is no overflow of an iterator
    engine.asyncIterableIterator('a', { overflow: 'latest' });
  });
});
