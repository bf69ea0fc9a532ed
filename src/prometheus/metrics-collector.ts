import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Registry, RegistryContentType } from 'prom-client';
import { brandOf } from '../shared/brand.js';
import type { DropReason, PubSubGap, TelemetryEvents } from '../telemetry.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import { ChannelLabels, isInternal, OTHER } from './channel-labels.js';
import { HandlerQueues } from './handler-queues.js';
import type { ResolvedMetricsOptions } from './metrics-options.js';
import { Metrics } from './metrics.js';
import { TransportStates } from './transport-states.js';

type Listener = (event: unknown) => void;
type Listeners = {
  readonly [Name in keyof TelemetryEvents]?: (event: TelemetryEvents[Name]) => void;
};

const DROP_REASONS: readonly DropReason[] = [
  'cancelled',
  'closing',
  'conflated',
  'decode',
  'late',
  'no-id',
  'overflow',
  'reply',
  'too-large',
  'unclaimed',
  'unmatched',
];

/** The collectors of a registry, by their prefixes. */
const COLLECTORS = brandOf('metrics');

type Register = Registry<RegistryContentType> & {
  [COLLECTORS]?: Map<string, MetricsCollector>;
};

/** Counts the telemetry of this process in the metrics of one registry, under one prefix. */
export class MetricsCollector {
  readonly #labels = new ChannelLabels();
  readonly #states = new TransportStates(this.#labels);
  readonly #queues = new HandlerQueues();
  readonly #logger = new OutsideLogger('PubSubMetrics');
  readonly #metrics: Metrics;
  readonly #listeners: ReadonlyMap<string, Listener>;
  #users = 0;

  private constructor(options: ResolvedMetricsOptions) {
    const gauges = { ...this.#states.gauges, queued: () => this.#queues.read() };
    this.#metrics = new Metrics(options, gauges);
    const listeners = Object.entries({ ...this.#messages(), ...this.#connections() });
    this.#listeners = new Map(
      listeners.map(([key, listener]) => [`nestjs-redis-pubsub:${key}`, listener as Listener]),
    );
  }

  /**
   * The collector of a registry and a prefix. All modules share it, also those of another copy of this package: telemetry
   * is of the whole process, and two collectors would count each message twice.
   */
  static for(options: ResolvedMetricsOptions): MetricsCollector {
    const { register, prefix } = options;
    const collectors = ((register as Register)[COLLECTORS] ??= new Map<string, MetricsCollector>());
    const collector = collectors.get(prefix) ?? new MetricsCollector(options);
    collectors.set(prefix, collector);
    return collector;
  }

  /**
   * Counts from now on. Of several modules the options of the newest one apply. Throws `InvalidOptionError` if the registry
   * has another metric of the same name.
   */
  open({ prefix, buckets, channelLabel }: ResolvedMetricsOptions): void {
    const { durations } = this.#metrics;
    const isSame = durations.hasBuckets(buckets) && this.#labels.channelLabel === channelLabel;
    this.#metrics.register();
    durations.setBuckets(buckets);
    this.#labels.channelLabel = channelLabel;
    if (this.#users > 0 && !isSame) {
      this.#logger.warn(
        `Several PubSubMetricsModules have the prefix "${prefix}" and other options: those of the newest one apply. Import one, or give each a prefix or register of its own`,
      );
    }
    if (++this.#users > 1) return;
    for (const [name, listener] of this.#listeners) subscribe(name, listener);
  }

  /** Counts nothing more when all that have opened it have closed it. The counts stay in the registry. */
  close(): void {
    if (--this.#users > 0) return;
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener);
    this.#labels.declared.clear();
    this.#states.clear();
    this.#queues.clear();
  }

  #messages(): Listeners {
    const labels = this.#labels;
    const { counters, durations } = this.#metrics;
    const { published, failed, received, lost, dropped } = counters;
    return {
      declare: (event) => this.#onDeclare(event),
      publish: ({ transport, channel, error }) =>
        (error ? failed : published).add(transport, labels.published(channel)),
      receive: ({ transport, subscription, channel }) =>
        received.add(transport, labels.received(transport, subscription, channel)),
      handle: ({ transport, pattern, duration, error }) => {
        const label = labels.handled(transport, pattern);
        durations.add(transport, label, duration / 1_000, error !== undefined);
      },
      drop: ({ transport, reason }) => dropped.add(transport, reason),
      lost: ({ transport, subscription, channel, count }) =>
        lost.add(transport, labels.received(transport, subscription, channel), count),
    };
  }

  #connections(): Listeners {
    const { reconnects, outageSeconds, overruns } = this.#metrics.counters;
    return {
      status: (event) => this.#onStatus(event),
      unsubscribe: (event) => this.#states.onUnsubscribe(event),
      subscribe: (event) => this.#onSubscribe(event),
      reconnect: ({ transport, connection, outage }) => {
        reconnects.add(transport, connection);
        outageSeconds.add(transport, connection, outage / 1_000);
      },
      overrun: ({ transport, connections }) => overruns.add(transport, '', connections),
    };
  }

  // Prometheus sees no increase in a time series that begins with 1, so that all whose labels are known begin with 0.

  #onDeclare(event: TelemetryEvents['declare']): void {
    const { transport, pattern } = event;
    const { counters, durations } = this.#metrics;
    this.#labels.declared.add(event);
    this.#queues.add(event);
    durations.declare(transport, pattern);
    counters.received.add(transport, pattern, 0);
    counters.failed.add(transport, pattern, 0);
  }

  #onStatus(event: TelemetryEvents['status']): void {
    const { transport } = event;
    const { failed, dropped, refused, overruns, reconnects, outageSeconds } =
      this.#metrics.counters;
    this.#states.onStatus(event);
    failed.add(transport, OTHER, 0);
    refused.add(transport, '', 0);
    overruns.add(transport, '', 0);
    for (const reason of DROP_REASONS) dropped.add(transport, reason, 0);
    for (const connection of ['publisher', 'subscriber']) {
      reconnects.add(transport, connection, 0);
      outageSeconds.add(transport, connection, 0);
    }
  }

  #onSubscribe(event: TelemetryEvents['subscribe']): void {
    const { transport, name, gap, error } = event;
    const { refused, gaps, gapSeconds, lost } = this.#metrics.counters;
    if (error) {
      refused.add(transport);
      this.#states.onUnsubscribe(event);
      return;
    }
    this.#states.onSubscribe(event);
    if (isInternal(name)) return;
    const channel = this.#labels.ofSubscription(event);
    gaps.add(transport, channel, gap ? 1 : 0);
    gapSeconds.add(transport, channel, gap ? secondsOf(gap) : 0);
    lost.add(transport, channel, 0);
  }
}

/** The clock of the system may have been set back, and a counter cannot. */
function secondsOf({ from, to }: PubSubGap): number {
  return Math.max(0, to.getTime() - from.getTime()) / 1_000;
}
