/** A value of a {@link ClockMap}. */
export interface ClockEntry {
  /** Whether it was used since the hand of the clock passed it. */
  isRecent: boolean;
}

/**
 * A map with a limited number of entries. When it is full, a new entry takes the place of one that was not used for
 * some time (the algorithm "second chance"): a use costs one assignment, and no change of the map.
 */
export class ClockMap<Value extends ClockEntry> {
  readonly #entries = new Map<string, Value>();
  readonly #limit: number;
  #hand = this.#entries.entries();

  /** `limit`: how many entries there may be, at least 1. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Returns an entry, and counts that as a use. */
  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) value.isRecent = true;
    return value;
  }

  /** Adds an entry with a new key. */
  add(key: string, value: Value): void {
    if (this.#entries.size >= this.#limit) this.#evict();
    this.#entries.set(key, value);
  }

  /** Removes an entry, if there is one. */
  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Removes all entries. */
  clear(): void {
    this.#entries.clear();
  }

  #evict(): void {
    for (;;) {
      const next = this.#hand.next();
      if (next.done) {
        this.#hand = this.#entries.entries();
        continue;
      }
      const [key, value] = next.value;
      if (!value.isRecent) {
        this.#entries.delete(key);
        return;
      }
      value.isRecent = false;
    }
  }
}
