import type { Sample } from './registered-metric.js';

/** What is known of one pattern. */
interface Durations {
  readonly transport: string;
  readonly pattern: string;
  ok: number;
  errors: number;
  seconds: number;
  /** How many were in each bucket, and in no lower one. The last one has no bound. */
  readonly counts: number[];
}

/** How many messages were handled, and how long that took, by the transport and the pattern. */
export class HandlerDurations {
  #buckets: readonly number[];
  readonly #byTransport = new Map<string, Map<string, Durations>>();

  /** `buckets` are upper bounds in seconds, ascending. */
  constructor(buckets: readonly number[]) {
    this.#buckets = buckets;
  }

  /** Whether these are the buckets. */
  hasBuckets(buckets: readonly number[]): boolean {
    return buckets.join() === this.#buckets.join();
  }

  /** Durations that were counted cannot change their buckets: with other ones they are gone. */
  setBuckets(buckets: readonly number[]): void {
    if (this.hasBuckets(buckets)) return;
    this.#buckets = buckets;
    this.reset();
  }

  /** Begins at 0, so that the first message is an increase. */
  declare(transport: string, pattern: string): void {
    this.#of(transport, pattern);
  }

  add(transport: string, pattern: string, seconds: number, hasFailed: boolean): void {
    const durations = this.#of(transport, pattern);
    if (hasFailed) durations.errors++;
    else durations.ok++;
    durations.seconds += seconds;
    const { length } = this.#buckets;
    let at = 0;
    while (at < length && seconds > (this.#buckets[at] as number)) at++;
    (durations.counts[at] as number)++;
  }

  /** The counts by their status. */
  readHandled(): Sample[] {
    return this.#all().flatMap(({ transport, pattern, ok, errors }) => [
      { labels: { transport, pattern, status: 'ok' }, value: ok },
      { labels: { transport, pattern, status: 'error' }, value: errors },
    ]);
  }

  /** The histogram, whose buckets have all that the lower ones have. `name` is its name. */
  readHistogram(name: string): Sample[] {
    return this.#all().flatMap(({ transport, pattern, ok, errors, seconds, counts }) => {
      const labels = { transport, pattern };
      let sum = 0;
      const buckets = [...this.#buckets, '+Inf'].map((le, at) => ({
        metricName: `${name}_bucket`,
        labels: { le: String(le), ...labels },
        value: (sum += counts[at] as number),
      }));
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: seconds },
        { metricName: `${name}_count`, labels, value: ok + errors },
      ];
    });
  }

  reset(): void {
    this.#byTransport.clear();
  }

  #all(): Durations[] {
    return [...this.#byTransport.values()].flatMap((patterns) => [...patterns.values()]);
  }

  #of(transport: string, pattern: string): Durations {
    let patterns = this.#byTransport.get(transport);
    if (!patterns) this.#byTransport.set(transport, (patterns = new Map<string, Durations>()));
    let durations = patterns.get(pattern);
    if (!durations) {
      const counts = Array.from({ length: this.#buckets.length + 1 }, () => 0);
      durations = { transport, pattern, ok: 0, errors: 0, seconds: 0, counts };
      patterns.set(pattern, durations);
    }
    return durations;
  }
}
