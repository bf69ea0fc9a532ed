import { createHistogram } from 'node:perf_hooks';

/** Latencies of messages, in microseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const NANOSECONDS_PER_MICROSECOND = 1_000;

/**
 * Microseconds of the monotonic clock, which all processes of a machine share: a receiver can subtract
 * the time at which another process sent a message.
 */
export function sharedClock(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + nanoseconds / NANOSECONDS_PER_MICROSECOND;
}

/** A histogram of latencies. */
export class Latencies {
  readonly #histogram = createHistogram();

  /** `latency` in microseconds. */
  record(latency: number): void {
    this.#histogram.record(Math.max(1, Math.round(latency * NANOSECONDS_PER_MICROSECOND)));
  }

  /** Removes all recorded latencies. */
  reset(): void {
    this.#histogram.reset();
  }

  summary(): LatencySummary {
    const at = (percent: number): number =>
      this.#histogram.percentile(percent) / NANOSECONDS_PER_MICROSECOND;
    return {
      count: this.#histogram.count,
      p50: at(50),
      p99: at(99),
      max: this.#histogram.max / NANOSECONDS_PER_MICROSECOND,
    };
  }
}
