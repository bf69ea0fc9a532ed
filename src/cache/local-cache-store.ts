import { InvalidOptionError } from '../errors.js';
import { withoutText } from '../shared/clean-error.js';
import type { LocalCacheOptions } from './cache-options.js';
import type { ServiceOfCache } from './invalidations.js';
import { LocalCache } from './local-cache.js';

/** An element of `LocalCacheStore.setMany`. */
export interface StoreEntry {
  readonly key: string;
  readonly value: unknown;
  readonly ttl?: number;
}

/** A storage adapter of Keyv, such as that of `@keyv/redis`. */
export interface StoreOfCache {
  readonly opts?: unknown;
  namespace?: string | undefined;
  get(key: string): unknown;
  set(key: string, value: unknown, ttl?: number): unknown;
  delete(key: string): unknown;
  clear(): unknown;
}

/** The methods that not every storage adapter has. */
interface MoreOfStore {
  /** That of a storage adapter for Keyv 6. */
  readonly capabilities?: { readonly expires?: boolean };
  getMany?(keys: readonly string[]): unknown;
  setMany?(entries: readonly StoreEntry[]): unknown;
  deleteMany?(keys: readonly string[]): unknown;
  disconnect?(): unknown;
  iterator?(namespace?: string): AsyncGenerator<never, void>;
  on?(event: string, listener: (...values: never[]) => void): unknown;
}

/** Options of {@link LocalCacheStore}. */
export interface LocalCacheStoreOptions extends LocalCacheOptions {
  /** The storage adapter that all instances share. */
  readonly store: StoreOfCache;
}

const METHODS = ['get', 'set', 'delete', 'clear'] as const;

/**
 * A storage adapter for Keyv 5: a {@link LocalCache} in front of another storage adapter, which all instances share.
 * A value that is set or deleted is invalidated in all instances before the promise resolves.
 *
 * @see https://keyv.org/docs/third-party-storage-adapters
 */
export class LocalCacheStore {
  /** The values in the memory of this process. */
  readonly cache: LocalCache;
  /** That of the store; absent where the store has none. */
  declare readonly iterator?: NonNullable<MoreOfStore['iterator']>;
  readonly #store: StoreOfCache & MoreOfStore;

  /**
   * @param service - The `RedisPubSubService` of the module.
   * @throws InvalidOptionError for a wrong option, InvalidChannelError for a channel that is not valid
   */
  constructor(service: ServiceOfCache, given: LocalCacheStoreOptions) {
    const { store, ...options } = given ?? {};
    const isStore = METHODS.every((name) => typeof store?.[name] === 'function');
    if (!isStore) {
      throw new InvalidOptionError('store', 'a storage adapter of Keyv', withoutText(store));
    }
    this.#store = store;
    if (this.#store.capabilities?.expires) {
      const expected = 'a storage adapter of Keyv 5, which takes a time to live';
      throw new InvalidOptionError('store', expected, 'one of Keyv 6');
    }
    this.cache = new LocalCache(service, options);
    // Keyv looks whether there is such a property.
    const iterate = this.#store.iterator?.bind(store);
    if (iterate) this.iterator = iterate;
  }

  get opts(): unknown {
    return this.#store.opts;
  }

  get namespace(): string | undefined {
    return this.#store.namespace;
  }

  set namespace(namespace: string | undefined) {
    this.#store.namespace = namespace;
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    return (await this.cache.get(key, (it) => this.#store.get(it))) as Value | undefined;
  }

  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    const asked: string[] = [];
    let answer: Promise<readonly unknown[]> | undefined;
    // The store is asked once for all keys that are not in memory.
    const load = async (key: string): Promise<unknown> => {
      const at = asked.push(key) - 1;
      answer ??= Promise.resolve().then(() => this.#storedValues(asked));
      return (await answer)[at];
    };
    return Promise.all(keys.map((key) => this.cache.get(key, load))) as Promise<Value[]>;
  }

  /** Rejects as `LocalCache.invalidate`; the store has the value then. */
  async set(key: string, value: unknown, ttl?: number): Promise<unknown> {
    return this.#write([key], () => this.#store.set(key, value, ttl));
  }

  async setMany(entries: readonly StoreEntry[]): Promise<never> {
    const keys = entries.map(({ key }) => key);
    const store = this.#store;
    return this.#write(keys, () =>
      store.setMany
        ? store.setMany(entries)
        : Promise.all(entries.map(({ key, value, ttl }) => store.set(key, value, ttl))),
    ) as Promise<never>;
  }

  async delete(key: string): Promise<boolean> {
    return Boolean(await this.#write([key], () => this.#store.delete(key)));
  }

  async deleteMany(keys: string[]): Promise<never> {
    const store = this.#store;
    return this.#write(keys, async () => {
      if (store.deleteMany) return store.deleteMany(keys);
      const deleted = await Promise.all(keys.map((key) => store.delete(key)));
      return deleted.every(Boolean);
    }) as Promise<never>;
  }

  async clear(): Promise<void> {
    try {
      await this.#store.clear();
    } finally {
      await this.cache.invalidateAll();
    }
  }

  /** Closes the cache, and disconnects the store. */
  async disconnect(): Promise<void> {
    this.cache.close();
    await this.#store.disconnect?.();
  }

  /** Listens to the events of the store. */
  on(event: string, listener: (...values: never[]) => void): this {
    this.#store.on?.(event, listener);
    return this;
  }

  async #storedValues(keys: readonly string[]): Promise<readonly unknown[]> {
    const store = this.#store;
    const values = await (store.getMany
      ? store.getMany(keys)
      : Promise.all(keys.map((key) => store.get(key))));
    return values as readonly unknown[];
  }

  /** Invalidates after a failure, too: the store may have the value. */
  async #write<Result>(keys: readonly string[], write: () => Result): Promise<Awaited<Result>> {
    try {
      return await write();
    } finally {
      await this.cache.invalidate(keys);
    }
  }
}
