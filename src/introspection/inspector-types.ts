import type { InstancePing } from './instance-types.js';

/** How `PubSubInspector` asks. */
export interface InspectOptions {
  /**
   * How long to wait for answers, in milliseconds. The result comes earlier when all have answered.
   *
   * @defaultValue `500`
   */
  readonly timeout?: number;
}

/** The answers of the instances. */
export interface InspectedInstances<Instance extends InstancePing> {
  /** Those that have answered in time, sorted by name, then by id. */
  readonly instances: readonly Instance[];
  /** Those that have answered this inspector before, and not now: they have stopped, or are silent. */
  readonly missing: readonly InstancePing[];
  /** How many were subscribed and have not answered; `undefined` where Redis does not tell. */
  readonly silent: number | undefined;
}

/** Which channels `PubSubInspector.channels` returns. */
export interface InspectChannelsOptions extends InspectOptions {
  /**
   * A pattern, as in a handler: `user.:id`, `order.*`.
   *
   * @defaultValue `'*'`
   */
  readonly pattern?: string;
  /**
   * The most channels that are returned, those with the most subscribers first.
   *
   * @defaultValue `1000`
   */
  readonly limit?: number;
}

/** A channel that has subscribers. */
export interface InspectedChannel {
  /** Without the prefix. */
  readonly channel: string;
  readonly kind: 'channel' | 'shard';
  /** How many connections are subscribed to it, globs not counted. In a Cluster: at all nodes. */
  readonly subscribers: number;
}

/** The result of `PubSubInspector.channels`. */
export interface InspectedChannels {
  readonly channels: readonly InspectedChannel[];
  /** How many matched, with those above `limit`. */
  readonly total: number;
}

/** A glob that instances are subscribed to. */
export interface InspectedPattern {
  /** The patterns of handlers as they were written, without the prefix; a glob that only observers have, as Redis has it. */
  readonly pattern: string;
  /** Redis' name, prefix included. */
  readonly glob: string;
  /** How many instances of this package are subscribed to it. */
  readonly instances: number;
}

/** The result of `PubSubInspector.patterns`. */
export interface InspectedPatterns extends Pick<
  InspectedInstances<InstancePing>,
  'missing' | 'silent'
> {
  readonly patterns: readonly InspectedPattern[];
  /**
   * How many globs all clients of the server hold, of whatever prefix and package (PUBSUB NUMPAT). In a Cluster: those
   * of all nodes together. `undefined` where Redis refuses to tell.
   */
  readonly total: number | undefined;
}

/** A channel on which messages were published that no subscriber received. */
export interface UnheardChannel {
  /** Without the prefix. */
  readonly channel: string;
  readonly kind: 'channel' | 'shard';
  /** How many messages of the last minute reached none. */
  readonly messages: number;
  /** When the last one was published, by the clock of its publisher. */
  readonly lastAt: Date;
  /** The names of the services that published them. */
  readonly publishers: readonly string[];
  /**
   * Whether Redis said so for each of these messages. `false` for a classic channel of a Cluster, where a node counts its
   * own subscribers. Then the channel has no subscriber, and matches no handler, at the time of the question.
   */
  readonly isCertain: boolean;
}

/** The result of `PubSubInspector.unheard`. */
export interface UnheardChannels extends Pick<
  InspectedInstances<InstancePing>,
  'missing' | 'silent'
> {
  readonly channels: readonly UnheardChannel[];
  /** Whether an instance had more unheard channels than it remembers, which are 1,000. */
  readonly hasMore: boolean;
}

/** In what the instances of one service differ. */
export type DriftSubject = 'handlers' | 'version' | 'contracts' | 'codec' | 'sharded';

/** One difference between instances of one name. */
export interface Drift {
  /** The `name` of the instances. */
  readonly name: string;
  readonly subject: DriftSubject;
  /** Each value, and which instances have it; the most frequent value first. */
  readonly variants: readonly DriftVariant[];
}

/** A value, and the instances that have it. */
export interface DriftVariant {
  /** In words: a version, a hash, or the handlers that this variant has and another lacks, one a line. */
  readonly value: string;
  /** The ids of the instances. */
  readonly instances: readonly string[];
}

/** The result of `PubSubInspector.drift`. */
export interface InspectedDrift extends Pick<
  InspectedInstances<InstancePing>,
  'missing' | 'silent'
> {
  /** Empty where all instances of each name are the same. */
  readonly drift: readonly Drift[];
  /**
   * The ids of the instances that have the default `name`. They may be of different services, so they are not compared. Empty
   * where one instance has that name, or none.
   */
  readonly notCompared: readonly string[];
}
