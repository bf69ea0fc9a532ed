import type { SubscriptionKind } from '../channel/subscription-key.js';
import type { BrokerStatus, TelemetryEvents } from '../telemetry.js';
import { isInternal, OBSERVED, type ChannelLabels } from './channel-labels.js';
import type { GAUGES, Samples } from './metrics.js';

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

  /** The values of a gauge at this moment. */
  read(gauge: keyof typeof GAUGES): Samples {
    switch (gauge) {
      case 'connected':
        return this.#whereStatusIs('connected');
      case 'starving':
        return this.#whereStatusIs('starving');
      case 'subscriptions':
        return this.#byKind();
      default:
        return this.#byChannel();
    }
  }

  #whereStatusIs(wanted: BrokerStatus): Samples {
    return [...this.#statuses].map(([transport, status]) => [
      { transport },
      status === wanted ? 1 : 0,
    ]);
  }

  #byKind(): Samples {
    return [...this.#subscriptions].flatMap(([transport, kinds]) =>
      [...kinds].map(
        ([kind, names]) => [{ transport, kind }, this.#isUp(transport) ? names.size : 0] as const,
      ),
    );
  }

  #byChannel(): Samples {
    const transports = new Set([
      ...this.#labels.declared.transports,
      ...this.#subscriptions.keys(),
    ]);
    return [...transports].flatMap((transport) =>
      [...this.#countByLabel(transport)].map(
        ([channel, count]) => [{ transport, channel }, this.#isUp(transport) ? count : 0] as const,
      ),
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
