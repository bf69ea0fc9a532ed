import { RateLimitedLog } from '../shared/rate-limited-log.js';
import { messageOf } from '../errors.js';
import type { TelemetryEvents } from '../telemetry.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import { DeclaredPatterns } from './declared-patterns.js';
import type { PubSubMetricsOptions } from './metrics-options.js';

/** The label of what is subscribed at run time: its channel may have the id of a user. */
export const OBSERVED = '<observed>';
/** The label of what is published on channels that no handler of this process has. */
export const OTHER = '<other>';
/** The label of replies and cancellations. */
const INTERNAL = '<internal>';

/** The values of the labels `channel` and `pattern`. */
export class ChannelLabels {
  readonly declared = new DeclaredPatterns();
  channelLabel: PubSubMetricsOptions['channelLabel'];
  readonly #logger = new OutsideLogger('PubSubMetrics');
  readonly #failures = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `channelLabel failed ${count} more times`,
    1,
  );

  /** For a message that this process publishes. */
  published(channel: string): string {
    const own = this.#own(channel);
    if (own !== undefined) return own;
    return this.declared.match(channel) ?? (isInternal(channel) ? INTERNAL : OTHER);
  }

  /** For a message that arrived for a subscription. Both are Redis' names. */
  received(transport: string, subscription: string, channel: string): string {
    return this.#own(channel) ?? this.#subscribed(transport, subscription);
  }

  /** For a subscription. That of a glob has no channel, which `channelLabel` could get. */
  ofSubscription({ transport, kind, name }: TelemetryEvents['unsubscribe']): string {
    const own = kind === 'pattern' ? undefined : this.#own(name);
    return own ?? this.#subscribed(transport, name);
  }

  /** For a handler or an observer. */
  handled(transport: string, pattern: string): string {
    return this.declared.has(transport, pattern) ? pattern : OBSERVED;
  }

  #subscribed(transport: string, name: string): string {
    return this.declared.subscriptionsOf(transport).get(name) ?? OBSERVED;
  }

  /** What `channelLabel` returns. What it throws must not fail the message. */
  #own(channel: string): string | undefined {
    if (this.channelLabel === undefined) return undefined;
    try {
      const label: unknown = this.channelLabel(channel);
      return typeof label === 'string' ? label : undefined;
    } catch (error) {
      this.#failures.add(
        () => `channelLabel failed, and the default label counts: ${messageOf(error)}`,
      );
      return undefined;
    }
  }
}

/** Whether this package uses the channel itself, unless `reservedSegment` is another than the default. */
export function isInternal(name: string): boolean {
  return name.startsWith('_pubsub.');
}
