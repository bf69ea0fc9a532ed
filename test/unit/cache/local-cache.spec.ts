import { Subject, throwError, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalCache, type LocalCacheOptions } from 'nestjs-redis-pubsub/cache';
import type { KeyNotification, PubSubGap, PubSubMessage } from 'nestjs-redis-pubsub';
import { ClosedError, ConnectionError, InvalidOptionError } from '../../../src/errors.js';
import { captureLog } from '../../support/app.js';

const TIMEOUT_MS = 8_000;

/** A service whose connection is as the test says. */
class FakeService {
  status: 'connected' | 'reconnecting' = 'connected';
  lastDeliveryAt: Date | undefined = new Date();
  readonly deliveryTimeout = TIMEOUT_MS;
  readonly published: unknown[] = [];
  readonly messages = new Subject<PubSubMessage>();
  readonly keys = new Subject<KeyNotification>();
  failure: Error | undefined;
  onSubscribed: ((gap?: PubSubGap) => unknown)[] = [];
  onLost: (() => unknown) | undefined;
  observed: Observable<PubSubMessage> = this.messages;

  observe(_: string, options: { onSubscribed: () => unknown; onLost: () => unknown }) {
    this.onSubscribed.push(options.onSubscribed);
    this.onLost = options.onLost;
    return this.observed;
  }

  observeKeys(_: string, options: { onSubscribed: () => unknown }) {
    this.onSubscribed.push(options.onSubscribed);
    return this.keys;
  }

  async publish(_: string, data: unknown): Promise<number> {
    if (this.failure) throw this.failure;
    return this.published.push(data);
  }

  /** Redis acknowledges all subscriptions. */
  subscribed(gap?: PubSubGap): void {
    for (const onSubscribed of this.onSubscribed) onSubscribed(gap);
  }

  receive(data: unknown): void {
    this.messages.next({ data } as PubSubMessage);
  }

  /** Time passes, in which delivery is confirmed. */
  pass(ms: number): void {
    vi.advanceTimersByTime(ms);
    this.lastDeliveryAt = new Date();
  }
}

function create(options: Partial<LocalCacheOptions> = {}, service = new FakeService()) {
  const cache = new LocalCache<number>(service as never, { channel: 'invalidated', ...options });
  return { cache, service };
}

async function createFilled(options?: Partial<LocalCacheOptions>) {
  const created = create(options);
  created.service.subscribed();
  for (const [i, key] of ['a', 'b'].entries()) await created.cache.get(key, () => i);
  return created;
}

const peekAll = (cache: LocalCache<number>): unknown[] => ['a', 'b'].map((key) => cache.peek(key));

const toCacheKey = (key: string): string | undefined => {
  if (key === 'broken') throw new Error('no');
  return /^cache:(.*)$/.exec(key)?.[1];
};

describe('LocalCache', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('loads a value once', async () => {
    const { cache } = await createFilled();
    const load = vi.fn<() => number>(() => 7);
    expect(await cache.get('c', load)).toBe(7);
    expect(await cache.get('c', load)).toBe(7);
    expect(load).toHaveBeenCalledTimes(1);
    expect(load).toHaveBeenCalledWith('c');
    expect(cache.size).toBe(3);
    expect(cache.maxStaleness).toBe(TIMEOUT_MS);
  });

  it('keeps nothing before the acknowledgement, and nothing that was loaded before it', async () => {
    const { cache, service } = create();
    expect(await cache.get('a', () => 1)).toBe(1);
    let finish: ((value: number) => void) | undefined;
    const loading = cache.get('a', () => new Promise<number>((resolve) => (finish = resolve)));
    await Promise.resolve();
    service.subscribed();
    finish?.(1);
    expect(await loading).toBe(1);
    expect(cache.size).toBe(0);
    await cache.get('a', () => 2);
    expect(cache.peek('a')).toBe(2);
  });

  it('uses no value while the status is not connected, and keeps none', async () => {
    const { cache, service } = await createFilled();
    service.status = 'reconnecting';
    expect(peekAll(cache)).toEqual([undefined, undefined]);
    expect(await cache.get('c', () => 3)).toBe(3);
    service.status = 'connected';
    expect(peekAll(cache)).toEqual([0, 1]);
    expect(cache.peek('c')).toBeUndefined();
  });

  it('removes all values after an outage, after a loss, and when the application closes', async () => {
    for (const happen of [
      (service: FakeService) => service.subscribed(),
      (service: FakeService) => service.onLost?.(),
      (service: FakeService) => service.messages.complete(),
    ]) {
      const { cache, service } = await createFilled();
      happen(service);
      expect(cache.size).toBe(0);
    }
  });

  it('uses no value while delivery is confirmed too long ago, whatever the status is', async () => {
    const { cache, service } = await createFilled();
    vi.advanceTimersByTime(TIMEOUT_MS);
    expect(peekAll(cache)).toEqual([0, 1]);
    vi.advanceTimersByTime(1);
    expect(peekAll(cache)).toEqual([undefined, undefined]);
    service.pass(1);
    expect(peekAll(cache)).toEqual([0, 1]);
    service.lastDeliveryAt = undefined;
    vi.advanceTimersByTime(1);
    expect(peekAll(cache)).toEqual([undefined, undefined]);
  });

  it('uses no value after the clock was set back, until delivery is confirmed', async () => {
    const { cache, service } = await createFilled();
    vi.setSystemTime(Date.now() - 3_600_000);
    expect(peekAll(cache)).toEqual([undefined, undefined]);
    service.pass(1);
    expect(peekAll(cache)).toEqual([0, 1]);
  });

  it('removes the keys of a message, and all for one that it cannot read', async () => {
    for (const data of [{ keys: ['a', 'x'] }, { keys: [] }]) {
      const { cache, service } = await createFilled();
      service.receive(data);
      expect(cache.peek('b')).toBe(1);
      expect(cache.peek('a')).toBe(data.keys.length > 0 ? undefined : 0);
    }
    for (const data of [{ all: true }, { keys: [1] }, { keys: 'a' }, null, 7, 'a', [], {}]) {
      const { cache, service } = await createFilled();
      service.receive(data);
      expect(cache.size).toBe(0);
    }
  });

  it('publishes what it invalidates, in messages of 500 keys', async () => {
    const { cache, service } = await createFilled();
    await cache.invalidate('a');
    expect(peekAll(cache)).toEqual([undefined, 1]);
    await cache.invalidateAll();
    expect(cache.size).toBe(0);
    expect(service.published).toEqual([{ keys: ['a'] }, { all: true }]);
    const many = Array.from({ length: 1_001 }, (_, i) => String(i));
    await cache.invalidate(many);
    await cache.invalidate([]);
    const parts = service.published.slice(2) as { keys: string[] }[];
    expect(parts.map(({ keys }) => keys.length)).toEqual([500, 500, 1]);
    expect(parts.flatMap(({ keys }) => keys)).toEqual(many);
  });

  it('publishes once more after a while, so that a loss shows', async () => {
    const { cache, service } = await createFilled();
    await Promise.all([cache.invalidate('a'), cache.invalidate('b')]);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 2);
    expect(service.published).toEqual([{ keys: ['a'] }, { keys: ['b'] }, { keys: [] }]);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS * 2);
    expect(service.published).toHaveLength(3);
  });

  it('publishes once more, and not at once, after each invalidation', async () => {
    const { cache, service } = await createFilled();
    await cache.invalidate('a');
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 2 - 1);
    await cache.invalidate('b');
    await vi.advanceTimersByTimeAsync(1);
    // An outage may have lost these two.
    expect(service.published).toEqual([{ keys: ['a'] }, { keys: ['b'] }, { keys: [] }]);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 2);
    expect(service.published).toHaveLength(4);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS * 2);
    expect(service.published).toHaveLength(4);
  });

  it('publishes once more after an outage, for what it invalidated before it', async () => {
    const { cache, service } = await createFilled({ ttl: 20_000 });
    const gap = { from: new Date(), to: new Date() };
    service.subscribed(gap);
    expect(service.published).toEqual([]);
    await cache.invalidate('a');
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
    const { length } = service.published;
    service.subscribed(gap);
    expect(service.published.slice(length)).toEqual([{ keys: [] }]);
    await vi.advanceTimersByTimeAsync(20_000);
    service.subscribed(gap);
    expect(service.published).toHaveLength(length + 1);
  });

  it('has all values removed as soon as Redis takes it, after an invalidation that failed', async () => {
    const { cache, service } = await createFilled();
    service.failure = new ConnectionError('down');
    await expect(cache.invalidate('a')).rejects.toThrow('down');
    expect(peekAll(cache)).toEqual([undefined, 1]);
    await vi.advanceTimersByTimeAsync(3_000);
    service.failure = undefined;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(service.published).toEqual([{ all: true }]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(service.published).toHaveLength(1);
  });

  it('does not try again after the application has closed', async () => {
    const { cache, service } = await createFilled();
    service.failure = new ClosedError();
    await expect(cache.invalidate('a')).rejects.toThrow(ClosedError);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('publishes no more after the application has closed', async () => {
    const { cache, service } = await createFilled();
    await cache.invalidate('a');
    const { length } = service.published;
    service.messages.complete();
    service.pass(TIMEOUT_MS);
    expect(service.published).toHaveLength(length);
  });

  it('keeps nothing and publishes no more after close', async () => {
    const { cache, service } = await createFilled();
    await cache.invalidate('a');
    cache.close();
    cache.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(service.messages.observed).toBe(false);
    expect(await cache.get('a', () => 5)).toBe(5);
    expect(cache.size).toBe(0);
    await cache.invalidate('a');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps nothing, and says so, when Redis refuses the subscription', async () => {
    const log = captureLog();
    const service = new FakeService();
    service.observed = throwError(() => new Error('no permission'));
    const { cache } = create({}, service);
    expect(await cache.get('a', () => 5)).toBe(5);
    expect(cache.size).toBe(0);
    expect(log.of('error')).toEqual([
      'A local cache keeps nothing from now on, since it cannot subscribe to "invalidated": no permission. Allow the subscription, and start again',
    ]);
  });

  it('removes the values of keys that change, once both subscriptions are acknowledged', async () => {
    const { cache, service } = create({ keys: { pattern: 'cache:*', toCacheKey } });
    const [first, second] = service.onSubscribed;
    first?.();
    await cache.get('a', () => 1);
    expect(cache.size).toBe(0);
    second?.();
    for (const [i, key] of ['a', 'b'].entries()) await cache.get(key, () => i);
    service.keys.next({ key: 'cache:a' } as KeyNotification);
    service.keys.next({ key: 'other' } as KeyNotification);
    expect(peekAll(cache)).toEqual([undefined, 1]);
    service.keys.next({ key: 'broken' } as KeyNotification);
    expect(cache.size).toBe(0);
  });

  it.each<[object, string]>([
    [{ channel: '' }, 'Expected "channel" to be text that is not empty'],
    [{ channel: undefined }, 'Expected "channel" to be text that is not empty'],
    [{ ttl: 0 }, 'Expected "ttl" to be milliseconds'],
    [{ maxEntries: 0 }, 'Expected "maxEntries" to be an integer'],
    [{ sharded: 'yes' }, 'Expected "sharded" to be true or false'],
    [{ maxEntrie: 5 }, 'Unknown option of a local cache "maxEntrie": did you mean "maxEntries"?'],
    [{ keys: 'user:*' }, 'Expected "keys" to be an object'],
    [{ keys: { patern: 'a' } }, 'Unknown option of keys "patern": did you mean "pattern"?'],
    [{ keys: { pattern: 'a', toCacheKey: 'b' } }, 'Expected "keys.toCacheKey" to be a function'],
  ])('refuses %o', (options, message) => {
    expect(() => create(options)).toThrow(InvalidOptionError);
    expect(() => create(options)).toThrow(message);
  });

  it('refuses options and a service that are none', () => {
    const service = new FakeService() as never;
    expect(() => new LocalCache(service, undefined as never)).toThrow(InvalidOptionError);
    expect(() => new LocalCache(undefined as never, { channel: 'a' })).toThrow(
      'Expected "service" to be a RedisPubSubService',
    );
  });
});
