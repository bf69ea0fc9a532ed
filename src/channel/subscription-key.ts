/** What a pattern is: a literal channel name, or a glob. */
export type PatternKind = 'channel' | 'pattern';

/** Which commands subscribe: SUBSCRIBE, PSUBSCRIBE, or SSUBSCRIBE. */
export type SubscriptionKind = PatternKind | 'shard';

/** Which commands publish to a channel and subscribe to it: PUBLISH and SUBSCRIBE, or SPUBLISH and SSUBSCRIBE. */
export type ChannelKind = Exclude<SubscriptionKind, 'pattern'>;

/** Every {@link ChannelKind}. */
export const CHANNEL_KINDS: readonly ChannelKind[] = ['channel', 'shard'];

/** The kind that the option `sharded` stands for. */
export function channelKind(sharded: boolean): ChannelKind {
  return sharded ? 'shard' : 'channel';
}

/** The kind of the channels that a subscription receives messages of. */
export function channelKindOf(kind: SubscriptionKind): ChannelKind {
  return channelKind(kind === 'shard');
}

/** Identifies a subscription: its kind, and the name or the glob as Redis receives it, prefix included. */
export interface SubscriptionKey {
  readonly kind: SubscriptionKind;
  readonly name: string;
  /**
   * Whether each master of a Cluster publishes to the channel for itself, as it does the notifications of its keys. Such
   * messages do not reach the other nodes. Elsewhere there is one server, and it makes no difference.
   */
  readonly atMasters?: boolean;
}
