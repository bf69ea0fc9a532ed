import type { SubscriptionKind } from '../channel/subscription-key.js';
import type { BrokerStatus, TelemetryEvents } from '../telemetry.js';
import { isInternal, OBSERVED, type ChannelLabels } from './channel-labels.js';
import type { GaugeReaders } from './metrics.js';
import type { Sample } from './registered-metric.js';

type Subscriptions = Map<SubscriptionKind, Set<string>>;

/** The status and the subscriptions of each transport, for the gauges. */
export class TransportStates {
  readonly #labels: ChannelLabels;
  readonly #statuses = new Map<string, BrokerStatus>();
  readonly #subscriptions = new Map<string, Subscriptions>();

  constructor(labels: ChannelLabels) {
    this.#labels = labels;
  }

  onStatus({ transport, status }: TelemetryEvents['status']): void {
    this.#statuses.set(transport, status);
  }

  onSubscribe({ transport, kind, name }: TelemetryEvents['subscribe']): void {
    if (isInternal(name)) return;
    const kinds: Subscriptions = this.#subscriptions.get(transport) ?? new Map();
    this.#subscriptions.set(transport, kinds);
    const names = kinds.get(kind) ?? new Set();
    kinds.set(kind, names.add(name));
  }

  onUnsubscribe({ transport, kind, name }: TelemetryEvents['unsubscribe']): void {
    this.#subscriptions.get(transport)?.get(kind)?.delete(name);
  }

  clear(): void {
    this.#statuses.clear();
    this.#subscriptions.clear();
  }

  /** What the gauges read. */
  readonly gauges: Omit<GaugeReaders, 'queued'> = {
    connected: () => this.#whereStatusIs('connected'),
    starving: () => this.#whereStatusIs('starving'),
    subscriptions: () => this.#byKind(),
    subscribers: () => this.#byChannel(),
  };

  #whereStatusIs(expected: BrokerStatus): Sample[] {
    return [...this.#statuses].map(([transport, status]) => ({
      labels: { transport },
      value: status === expected ? 1 : 0,
    }));
  }

  #byKind(): Sample[] {
    return [...this.#subscriptions].flatMap(([transport, kinds]) =>
      [...kinds].map(([kind, names]) => ({
        labels: { transport, kind },
        value: this.#isUp(transport) ? names.size : 0,
      })),
    );
  }

  #byChannel(): Sample[] {
    const { transports } = this.#labels.declared;
    return [...new Set([...transports, ...this.#subscriptions.keys()])].flatMap((transport) =>
      [...this.#countByLabel(transport)].map(([channel, count]) => ({
        labels: { transport, channel },
        value: this.#isUp(transport) ? count : 0,
      })),
    );
  }

  /** A process may hold half a million subscriptions: those that no handler has are counted, and not visited. */
  #countByLabel(transport: string): Map<string, number> {
    const counts = new Map<string, number>();
    const add = (label: string, count: number): void =>
      void counts.set(label, (counts.get(label) ?? 0) + count);
    const declared = this.#labels.declared.subscriptionsOf(transport);
    const kinds = this.#subscriptions.get(transport) ?? new Map<SubscriptionKind, Set<string>>();
    if (this.#labels.channelLabel) {
      for (const [kind, names] of kinds) {
        for (const name of names) add(this.#labels.ofSubscription({ transport, kind, name }), 1);
      }
      return counts;
    }
    let observed = [...kinds.values()].reduce((sum, names) => sum + names.size, 0);
    for (const [name, pattern] of declared) {
      const count = [...kinds.values()].filter((names) => names.has(name)).length;
      add(pattern, count);
      observed -= count;
    }
    if (kinds.size > 0) add(OBSERVED, observed);
    return counts;
  }

  /** A connection that is lost tells nothing of its subscriptions, which Redis has ended. */
  #isUp(transport: string): boolean {
    const status = this.#statuses.get(transport) ?? 'connected';
    return status === 'connected' || status === 'starving';
  }
}
