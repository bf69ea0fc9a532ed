import { ClockMap, type ClockEntry } from '../shared/clock-map.js';

interface Entry<T> extends ClockEntry {
  readonly value: T;
  /** As `performance.now` counts. */
  readonly expiresAt: number;
}

/** A load of a value that is not finished. */
interface Load<T> {
  readonly startedAt: number;
  readonly value: Promise<T>;
}

/** The limits of {@link CachedValues}. */
export interface CachedValuesOptions {
  readonly maxEntries: number;
  /** How long a value is kept, from the beginning of its load. */
  readonly ttlMs: number;
  /** How long after its beginning a load may be shared with further readers. */
  readonly shareMs: () => number;
  /** Whether what was loaded may be kept now. */
  readonly canKeep: () => boolean;
}

/**
 * The values of a cache, and the loads of values. A value is kept only if it was not invalidated since the beginning of
 * its load: what was read before may be older than the invalidation.
 */
export class CachedValues<T> {
  readonly #options: CachedValuesOptions;
  readonly #entries: ClockMap<Entry<T>>;
  readonly #loads = new Map<string, Load<T>>();

  constructor(options: CachedValuesOptions) {
    this.#options = options;
    this.#entries = new ClockMap(options.maxEntries);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key, unless it has expired. */
  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (performance.now() < entry.expiresAt) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** The load of a key that began a short time ago, or else a new one. Rejects with what `load` throws. */
  load(key: string, load: (key: string) => T | PromiseLike<T>): Promise<T> {
    const now = performance.now();
    const shared = this.#loads.get(key);
    if (shared && now - shared.startedAt <= this.#options.shareMs()) return shared.value;
    const started: Load<T> = { startedAt: now, value: Promise.resolve(key).then(load) };
    this.#loads.set(key, started);
    return this.#keep(key, started);
  }

  /** Removes the value of a key. What is being loaded is not kept. */
  delete(key: string): void {
    this.#entries.delete(key);
    this.#loads.delete(key);
  }

  /** Removes all values. */
  clear(): void {
    this.#entries.clear();
    this.#loads.clear();
  }

  async #keep(key: string, load: Load<T>): Promise<T> {
    const isValid = (): boolean => this.#loads.get(key) === load;
    try {
      const value = await load.value;
      if (value !== undefined && isValid() && this.#options.canKeep()) {
        const expiresAt = load.startedAt + this.#options.ttlMs;
        this.#entries.delete(key);
        this.#entries.add(key, { value, expiresAt, isRecent: false });
      }
      return value;
    } finally {
      if (isValid()) this.#loads.delete(key);
    }
  }
}
