import { createHistogram } from 'node:perf_hooks';

/** How long messages took, in microseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const NANOSECONDS = 1_000;

/**
 * Microseconds of a clock that only goes forward and that all processes of a machine share: what one
 * of them notes as it sends can be subtracted in another.
 */
export function sharedClock(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + nanoseconds / NANOSECONDS;
}

/** The distribution of latencies. */
export class Latencies {
  readonly #histogram = createHistogram();

  /** `latency` in microseconds. */
  record(latency: number): void {
    this.#histogram.record(Math.max(1, Math.round(latency * NANOSECONDS)));
  }

  /** Forgets all. */
  reset(): void {
    this.#histogram.reset();
  }

  summary(): LatencySummary {
    const at = (percent: number): number => this.#histogram.percentile(percent) / NANOSECONDS;
    return {
      count: this.#histogram.count,
      p50: at(50),
      p99: at(99),
      max: this.#histogram.max / NANOSECONDS,
    };
  }
}
