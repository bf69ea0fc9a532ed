import { Counter, Gauge, Histogram } from 'prom-client';
import { InvalidOptionError } from '../errors.js';
import type { ResolvedMetricsOptions } from './metrics-options.js';

/** What a metric counts or measures. */
export interface Definition {
  /** Without the prefix. */
  readonly name: string;
  /** Beside `transport`, which every metric has. */
  readonly labels: readonly string[];
  readonly help: string;
}

const define = (name: string, labels: readonly string[], help: string): Definition => ({
  name,
  labels: ['transport', ...labels],
  help,
});

/** The metrics that only grow. */
export const COUNTERS = {
  published: define('messages_published_total', ['channel'], 'Messages that Redis accepted'),
  failed: define('publish_failures_total', ['channel'], 'Messages that Redis did not accept'),
  received: define('messages_received_total', ['channel'], 'Messages that arrived'),
  handled: define('messages_handled_total', ['pattern', 'status'], 'Messages that were handled'),
  dropped: define('messages_dropped_total', ['reason'], 'Messages that arrived unhandled'),
  lost: define('messages_lost_total', ['channel'], 'Messages that were sent and did not arrive'),
  gaps: define('gaps_total', ['channel'], 'Times in which a subscription may have lost messages'),
  gapSeconds: define('gap_seconds_total', ['channel'], 'The sum of these times'),
  refused: define('subscribe_failures_total', [], 'Subscriptions that Redis refused'),
  reconnects: define('reconnects_total', ['connection'], 'Lost connections that are back'),
  outageSeconds: define('outage_seconds_total', ['connection'], 'Time without a connection'),
  overruns: define('overruns_total', [], 'Clients that Redis disconnected as too slow'),
} as const;

/** The metrics that are read when they are collected. `of` joins the values of the workers of a cluster of Node. */
export const GAUGES = {
  subscribers: {
    ...define('active_subscribers', ['channel'], 'Subscriptions of this process'),
    of: 'sum',
  },
  subscriptions: {
    ...define('subscriptions', ['kind'], 'Subscriptions of this process, by their command'),
    of: 'sum',
  },
  connected: { ...define('connected', [], 'Whether messages arrive: 1 or 0'), of: 'min' },
  starving: {
    ...define('starving', [], 'Whether all is connected and no message arrives: 1 or 0'),
    of: 'max',
  },
} as const;

/** How long handlers took. */
export const DURATION = define(
  'handler_duration_seconds',
  ['pattern'],
  'How long handlers and observers took',
);

/** In the order in which {@link Metrics} holds them. */
export const DEFINITIONS: readonly Definition[] = [
  ...Object.values(COUNTERS),
  ...Object.values(GAUGES),
  DURATION,
];

type Counters = Readonly<Record<keyof typeof COUNTERS, Counter>>;

/** The values of one metric, each with its labels. */
export type Samples = Iterable<readonly [labels: Readonly<Record<string, string>>, value: number]>;

/** The metrics in one registry, under one prefix. */
export class Metrics {
  readonly counters: Counters;
  readonly #gauges: readonly Gauge[];
  readonly #options: Pick<ResolvedMetricsOptions, 'register' | 'prefix'>;
  #buckets: readonly number[] = [];
  #duration: Histogram;

  /** In no registry yet. `read` returns the values of a gauge. */
  constructor(
    { register, prefix, buckets }: ResolvedMetricsOptions,
    read: (gauge: keyof typeof GAUGES) => Samples,
  ) {
    this.#options = { register, prefix };
    this.counters = mapValues(COUNTERS, (of) => new Counter(this.#config(of)));
    this.#gauges = Object.entries(GAUGES).map(([key, of]) => {
      const collect = function (this: Gauge): void {
        this.reset();
        for (const [labels, value] of read(key as keyof typeof GAUGES)) this.set(labels, value);
      };
      return new Gauge({ ...this.#config(of), aggregator: of.of, collect });
    });
    this.#duration = this.#createDuration(buckets);
  }

  /** The histogram of durations. */
  get duration(): Histogram {
    return this.#duration;
  }

  /** Whether the histogram has these buckets. */
  hasBuckets(buckets: readonly number[]): boolean {
    return buckets.join() === this.#buckets.join();
  }

  /**
   * Adds the metrics to the registry; those that it has stay. A histogram cannot change its buckets: with other ones the
   * durations so far are gone. Throws {@link InvalidOptionError} if the registry has another metric of the same name.
   */
  register(buckets: readonly number[]): void {
    const { register, prefix } = this.#options;
    this.#assertFree();
    if (!this.hasBuckets(buckets)) {
      register.removeSingleMetric(prefix + DURATION.name);
      this.#duration = this.#createDuration(buckets);
    }
    for (const metric of this.#all) register.registerMetric(metric);
  }

  get #all(): readonly (Counter | Gauge | Histogram)[] {
    return [...Object.values(this.counters), ...this.#gauges, this.#duration];
  }

  #assertFree(): void {
    const { register, prefix } = this.#options;
    const metrics = this.#all;
    for (const [at, { name }] of DEFINITIONS.entries()) {
      const present = register.getSingleMetric(prefix + name);
      if (present === undefined || present === metrics[at]) continue;
      throw new InvalidOptionError(
        `Expected "prefix" to begin no other metric of the register, got "${prefix}", and it has "${prefix}${name}"`,
      );
    }
  }

  #createDuration(buckets: readonly number[]): Histogram {
    this.#buckets = buckets;
    // The histogram freezes its array.
    return new Histogram({ ...this.#config(DURATION), buckets: [...buckets] });
  }

  /** In no registry: {@link Metrics.register} adds all, or none. */
  #config({ name, labels, help }: Definition) {
    return { name: this.#options.prefix + name, help, labelNames: [...labels], registers: [] };
  }
}

function mapValues<Key extends string, From, To>(
  object: Readonly<Record<Key, From>>,
  map: (value: From) => To,
): Record<Key, To> {
  const entries = Object.entries<From>(object).map(([key, value]) => [key, map(value)]);
  return Object.fromEntries(entries) as Record<Key, To>;
}
