interface Reading {
  readonly count: number;
  readonly at: number;
}

/**
 * Turns counters that only grow into rates per second. A reading is compared with the one before it, as long as that is
 * not older than `maxAgeMs`: the mean over an hour is no rate of now.
 */
export class RateMeter {
  #before = new Map<string, Reading>();
  #current = new Map<string, Reading>();
  #at = 0;

  constructor(private readonly maxAgeMs: number) {}

  /** Begins a round of readings. A counter without a reading in the last round is forgotten. */
  begin(atMs: number): void {
    this.#before = this.#current;
    this.#current = new Map();
    this.#at = atMs;
  }

  /** Reads a counter. `undefined` without an earlier reading. */
  rate(key: string, count: number): number | undefined {
    this.#current.set(key, { count, at: this.#at });
    const before = this.#before.get(key);
    if (!before) return undefined;
    const elapsedMs = this.#at - before.at;
    if (elapsedMs <= 0 || elapsedMs > this.maxAgeMs || count < before.count) return undefined;
    return ((count - before.count) * 1000) / elapsedMs;
  }
}

/** The sum of the rates that are known; `undefined` where none is. */
export function sumOfRates(rates: readonly (number | undefined)[]): number | undefined {
  const known = rates.filter((rate) => rate !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, rate) => sum + rate, 0);
}
