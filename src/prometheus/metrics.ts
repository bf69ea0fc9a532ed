import { InvalidOptionError } from '../errors.js';
import { Count } from './count.js';
import { HandlerDurations } from './handler-durations.js';
import type { ResolvedMetricsOptions } from './metrics-options.js';
import {
  RegisteredMetric,
  type Definition,
  type MetricSource,
  type Sample,
} from './registered-metric.js';

/** `label` is the one beside `transport`. */
const counter = (name: string, help: string, label?: string) => ({
  type: 'counter' as const,
  name,
  help,
  label,
  labels: label === undefined ? ['transport'] : ['transport', label],
});

/** The metrics that only grow. */
const COUNTERS = {
  published: counter('messages_published_total', 'Messages that Redis accepted', 'channel'),
  failed: counter('publish_failures_total', 'Messages that Redis did not accept', 'channel'),
  received: counter('messages_received_total', 'Messages that arrived', 'channel'),
  dropped: counter('messages_dropped_total', 'Messages that arrived unhandled', 'reason'),
  lost: counter('messages_lost_total', 'Messages that were sent and did not arrive', 'channel'),
  gaps: counter('gaps_total', 'Times in which a subscription may have lost messages', 'channel'),
  gapSeconds: counter('gap_seconds_total', 'The sum of these times', 'channel'),
  refused: counter('subscribe_failures_total', 'Subscriptions that Redis refused'),
  reconnects: counter('reconnects_total', 'Lost connections that are back', 'connection'),
  outageSeconds: counter('outage_seconds_total', 'Time without a connection', 'connection'),
  overruns: counter('overruns_total', 'Clients that Redis disconnected as too slow'),
} as const;

const HANDLED = {
  type: 'counter',
  name: 'messages_handled_total',
  labels: ['transport', 'pattern', 'status'],
  help: 'Messages that were handled',
} as const satisfies Definition;

const DURATION = {
  type: 'histogram',
  name: 'handler_duration_seconds',
  labels: ['transport', 'pattern'],
  help: 'How long handlers and observers took',
} as const satisfies Definition;

const GAUGES = {
  subscribers: {
    type: 'gauge',
    name: 'active_subscribers',
    labels: ['transport', 'channel'],
    help: 'Subscriptions of this process',
  },
  subscriptions: {
    type: 'gauge',
    name: 'subscriptions',
    labels: ['transport', 'kind'],
    help: 'Subscriptions of this process, by their command',
  },
  queued: {
    type: 'gauge',
    name: 'handler_queue_length',
    labels: ['transport', 'pattern'],
    help: 'Messages that wait for a handler with concurrency or order',
  },
  connected: {
    type: 'gauge',
    name: 'connected',
    labels: ['transport'],
    help: 'Whether messages arrive: 1 or 0',
    aggregator: 'min',
  },
  starving: {
    type: 'gauge',
    name: 'starving',
    labels: ['transport'],
    help: 'Whether all is connected and no message arrives: 1 or 0',
    aggregator: 'max',
  },
} as const satisfies Record<string, Definition>;

/** Every metric. */
export const DEFINITIONS: readonly Definition[] = [
  ...Object.values(COUNTERS),
  HANDLED,
  DURATION,
  ...Object.values(GAUGES),
];

/** Reads the values of each gauge. */
export type GaugeReaders = Readonly<Record<keyof typeof GAUGES, () => Sample[]>>;

/** The metrics of one registry, under one prefix. */
export class Metrics {
  readonly counters = mapValues(COUNTERS, ({ label }) => new Count(label));
  readonly durations: HandlerDurations;
  readonly #options: Pick<ResolvedMetricsOptions, 'register' | 'prefix'>;
  readonly #registered: ReadonlyMap<string, RegisteredMetric>;

  /** In no registry yet. */
  constructor({ register, prefix, buckets }: ResolvedMetricsOptions, gauges: GaugeReaders) {
    this.#options = { register, prefix };
    this.durations = new HandlerDurations(buckets);
    const sources = this.#sources(gauges);
    this.#registered = new Map(
      DEFINITIONS.map((definition) => {
        const source = sources.get(definition.name) as MetricSource;
        return [prefix + definition.name, new RegisteredMetric(prefix, definition, source)];
      }),
    );
  }

  /**
   * Adds the metrics to the registry; those that it has stay. Throws {@link InvalidOptionError} if the registry has another
   * metric of the same name.
   */
  register(): void {
    const { register, prefix } = this.#options;
    for (const [name, metric] of this.#registered) {
      const present = register.getSingleMetric(name);
      if (present === undefined || present === metric.asMetric) continue;
      throw new InvalidOptionError(
        `Expected "prefix" to begin no other metric of the register, got "${prefix}", and it has "${name}"`,
      );
    }
    for (const { asMetric } of this.#registered.values()) register.registerMetric(asMetric);
  }

  /** Where the values come from, by the names without the prefix. */
  #sources(gauges: GaugeReaders): Map<string, MetricSource> {
    const { counters, durations } = this;
    const reset = (): void => durations.reset();
    const histogramName = this.#options.prefix + DURATION.name;
    const keys = Object.keys as <Key extends string>(object: Record<Key, unknown>) => Key[];
    return new Map<string, MetricSource>([
      ...keys(COUNTERS).map((key) => [COUNTERS[key].name, counters[key]] as const),
      [HANDLED.name, { read: () => durations.readHandled(), reset }],
      [DURATION.name, { read: () => durations.readHistogram(histogramName), reset }],
      // A gauge has no value of its own.
      ...keys(GAUGES).map(
        (key) => [GAUGES[key].name, { read: gauges[key], reset: () => undefined }] as const,
      ),
    ]);
  }
}

function mapValues<Key extends string, From, To>(
  object: Readonly<Record<Key, From>>,
  map: (value: From) => To,
): Readonly<Record<Key, To>> {
  const entries = Object.entries<From>(object).map(([key, value]) => [key, map(value)]);
  return Object.fromEntries(entries) as Record<Key, To>;
}
