import type { Claim } from '../broker/broker.js';

/** The claims of one key, until then. */
interface Claimed {
  readonly bits: Set<number>;
  readonly until: number;
}

/** The claims that an `InMemoryServer` knows. It forgets a key when its time is over, and needs no timer for that. */
export class InMemoryClaims {
  /** Those whose time ends first come first, where all have the same time. */
  readonly #keys = new Map<string, Claimed>();

  /** See `Broker#claim`. */
  take({ key, bits = [0], ttlMs }: Claim): boolean[] {
    const now = Date.now();
    for (const [name, { until }] of this.#keys) {
      if (until > now) break;
      this.#keys.delete(name);
    }
    const claimed = this.#keys.get(key)?.bits ?? new Set();
    this.#keys.delete(key);
    this.#keys.set(key, { bits: claimed, until: now + ttlMs });
    return bits.map((bit) => {
      const isFirst = !claimed.has(bit);
      claimed.add(bit);
      return isFirst;
    });
  }
}
