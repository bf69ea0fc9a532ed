import { InvalidOptionError } from '../errors.js';
import { withoutText } from '../shared/clean-error.js';
import { resolveCacheOptions, type LocalCacheOptions } from './cache-options.js';
import { CachedValues } from './cached-values.js';
import { Invalidations, type ServiceOfCache } from './invalidations.js';

/** How many keys one message has at most. */
const MAX_KEYS = 500;

/**
 * Values in the memory of this process, which writes of all instances invalidate. Once `invalidate` has resolved, no
 * reader of any instance gets an older value later than {@link LocalCache.maxStaleness}. That holds while a connection is
 * half-open or deaf, and while a process stands still. The cache keeps a value only as long as it knows that invalidations
 * arrive. After an outage or a loss it removes all values, and while the status is not `connected` it loads each value.
 *
 * It is closed with the application.
 */
export class LocalCache<T = unknown> {
  readonly #service: ServiceOfCache;
  readonly #values: CachedValues<T>;
  readonly #invalidations: Invalidations;

  /**
   * @param service - The `RedisPubSubService` of the module.
   * @throws InvalidOptionError for a wrong option, InvalidChannelError for a channel that is not valid
   */
  constructor(service: ServiceOfCache, options: LocalCacheOptions) {
    if (typeof service?.observe !== 'function') {
      throw new InvalidOptionError('service', 'a RedisPubSubService', withoutText(service));
    }
    const resolved = resolveCacheOptions(options);
    this.#service = service;
    this.#values = new CachedValues({
      maxEntries: resolved.maxEntries,
      ttlMs: resolved.ttlMs,
      shareMs: () => this.maxStaleness,
      canKeep: () => this.#invalidations.allArrive,
    });
    this.#invalidations = new Invalidations(service, resolved, (keys) => this.#remove(keys));
  }

  /** The longest time for which a value may be read after its invalidation, in milliseconds. */
  get maxStaleness(): number {
    return this.#service.deliveryTimeout;
  }

  /** The number of values, of which some may have expired. */
  get size(): number {
    return this.#values.size;
  }

  /**
   * The value of a key: the one in memory, or what `load` returns. Readers that ask for a key while it loads share one load.
   * A value that was invalidated during its load is returned, and not kept; so is `undefined`. All readers get the same
   * object: copy it before you change it. Rejects with what `load` throws.
   */
  async get(key: string, load: (key: string) => T | PromiseLike<T>): Promise<T> {
    const value = this.peek(key);
    return value === undefined ? this.#values.load(key, load) : value;
  }

  /** The value of a key if it is in memory, and `undefined` while invalidations may be missing. */
  peek(key: string): T | undefined {
    const value = this.#values.get(key);
    return value !== undefined && this.#invalidations.allArrive ? value : undefined;
  }

  /**
   * Removes values, here and in all instances. Call it after the write: an instance that loads afterwards gets the new
   * value. Resolves when Redis has taken the message. Rejects with a `PubSubError` if it has not; then all caches of the
   * channel remove all values as soon as it does.
   */
  async invalidate(keys: string | readonly string[]): Promise<void> {
    const all = typeof keys === 'string' ? [keys] : keys;
    this.#remove(all);
    const parts = Array.from({ length: Math.ceil(all.length / MAX_KEYS) }, (_, i) =>
      all.slice(i * MAX_KEYS, (i + 1) * MAX_KEYS),
    );
    await Promise.all(parts.map((part) => this.#invalidations.publish(part)));
  }

  /** Removes all values, here and in all instances. As {@link invalidate}. */
  async invalidateAll(): Promise<void> {
    this.#remove(undefined);
    await this.#invalidations.publish(undefined);
  }

  /** Removes all values of this instance, and loads each value from now on. Idempotent. */
  close(): void {
    this.#invalidations.close();
    this.#remove(undefined);
  }

  #remove(keys: readonly string[] | undefined): void {
    if (!keys) this.#values.clear();
    else for (const key of keys) this.#values.delete(key);
  }
}
