import {
  channel,
  tracingChannel,
  type Channel,
  type TracingChannel,
} from 'node:diagnostics_channel';
import type { SubscriptionKind } from './channel/subscription-key.js';
import type { Headers } from './codec/codec.js';

/**
 * The status of a broker. Only `connected` promises that messages arrive. `starving`: connections and
 * subscriptions are in place, and no message arrives.
 */
export type BrokerStatus =
  'disconnected' | 'connecting' | 'connected' | 'reconnecting' | 'starving';

/** A time in which messages of a subscription may have been lost. Redis neither stores them nor reports the loss. */
export interface PubSubGap {
  /** The last time at which the connection is known to have delivered. */
  readonly from: Date;
  /** When Redis acknowledged the subscription again. */
  readonly to: Date;
}

/**
 * Why a message that arrived did not reach a handler or an observer. `cancelled`: a request, while it waited for its
 * handler. `conflated`: a newer message of its channel took its place. At a handler with a `group`: `no-id`, `late` and
 * `unclaimed`. A message that another member handles is no drop.
 */
export type DropReason =
  | 'cancelled'
  | 'closing'
  | 'conflated'
  | 'decode'
  | 'late'
  | 'no-id'
  | 'overflow'
  | 'reply'
  | 'too-large'
  | 'unclaimed'
  | 'unmatched';

/**
 * The events on `node:diagnostics_channel`, each under the name `nestjs-redis-pubsub:<key>`. Channels are
 * Redis' names, prefix included. An event without subscribers costs one check.
 *
 * `transport` is the option `name` of the module, server or client that the event is about. An `error` that was thrown
 * as another value is an `Error` with its text, and has the value as `cause`.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html
 */
export interface TelemetryEvents {
  /**
   * A handler of a controller or a provider was registered, before it is subscribed. `pattern` is that of its `handle`
   * events; `kind` and `name` are those of its `subscribe` events.
   *
   * A handler with `concurrency` or `order` has a `queue`. Read its `length` at any time: it is the number of messages
   * that wait. Keep it in a `WeakRef`, so that a closed server can be collected.
   */
  declare: {
    readonly transport: string;
    readonly pattern: string;
    readonly kind: SubscriptionKind;
    readonly name: string;
    readonly queue?: { readonly length: number };
  };
  /** Redis answered a PUBLISH, or it failed. `receivers` counts the subscriptions delivered to. */
  publish: {
    readonly transport: string;
    readonly channel: string;
    readonly receivers?: number;
    readonly error?: Error;
  };
  /** A message arrived and was decoded. `bytes` is the size of its payload. */
  receive: {
    readonly transport: string;
    readonly channel: string;
    readonly subscription: string;
    readonly bytes: number;
  };
  /**
   * A handler ended: a decorated one, one of `subscribe`, or the subscriber of an observer. `duration` is in
   * milliseconds. `error` is what the handler threw; RxJS does not tell that of a subscriber.
   */
  handle: {
    readonly transport: string;
    readonly channel: string;
    readonly pattern: string;
    readonly duration: number;
    readonly error?: Error;
  };
  /**
   * A message of a publisher arrived, and `count` messages before it did not: its number is too large by as many.
   * `duringGap`: the subscription had a gap in that time.
   */
  lost: {
    readonly transport: string;
    readonly channel: string;
    readonly subscription: string;
    readonly publisher: string;
    readonly count: number;
    readonly duringGap: boolean;
  };
  /** A message was not handled. */
  drop: {
    readonly transport: string;
    readonly channel: string;
    readonly reason: DropReason;
    readonly error?: Error;
  };
  /** A handler with a `group` asked Redis for a message. With `isWon` it handles it; without, another member does. */
  claim: {
    readonly transport: string;
    readonly channel: string;
    readonly pattern: string;
    readonly group: string;
    readonly isWon: boolean;
  };
  /** Redis acknowledged a subscription, after an outage with a `gap`, or refused it. */
  subscribe: {
    readonly transport: string;
    readonly kind: SubscriptionKind;
    readonly name: string;
    readonly gap?: PubSubGap;
    readonly error?: Error;
  };
  /** An unsubscribe command was sent. */
  unsubscribe: {
    readonly transport: string;
    readonly kind: SubscriptionKind;
    readonly name: string;
  };
  /**
   * The status of a broker changed. `isUp`: its connections are up, even if their subscriptions are not
   * restored yet; with the status `connected` they are.
   */
  status: {
    readonly transport: string;
    readonly status: BrokerStatus;
    readonly isUp: boolean;
  };
  /** Subscriptions are in place, and no message arrived since then. The subscriber connection is replaced. */
  starve: { readonly transport: string; readonly since: Date };
  /** A subscriber reconnected. Since its last connection Redis disconnected this many clients whose output buffers were full. */
  overrun: { readonly transport: string; readonly connections: number };
  /** A lost connection is back. `outage` is the time without it, in milliseconds. */
  reconnect: {
    readonly transport: string;
    readonly connection: 'publisher' | 'subscriber';
    readonly outage: number;
  };
}

type Telemetry = {
  readonly [Key in keyof TelemetryEvents]: TelemetryChannel<TelemetryEvents[Key]>;
};

type TelemetryChannel<Event> = Omit<Channel<unknown, Event>, 'publish'> & {
  publish(event: Event): void;
};

/** The channels of the {@link TelemetryEvents}. Check `hasSubscribers` before you create an event. */
export const telemetry: Telemetry = {
  declare: named('declare'),
  publish: named('publish'),
  receive: named('receive'),
  handle: named('handle'),
  lost: named('lost'),
  drop: named('drop'),
  claim: named('claim'),
  subscribe: named('subscribe'),
  unsubscribe: named('unsubscribe'),
  status: named('status'),
  starve: named('starve'),
  overrun: named('overrun'),
  reconnect: named('reconnect'),
};

/**
 * What the tracing channel `nestjs-redis-pubsub:handle` publishes for each message that a handler or an observer
 * handles: the same object from `start` to `asyncEnd`. The subscriber of an observer has no `asyncStart` and no `asyncEnd`.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html#tracingchannel-channels
 */
export interface HandleTrace {
  /** The option `name` of the module or server that handles the message. */
  readonly transport: string;
  /** Redis' name of the channel, prefix included. */
  readonly channel: string;
  /** The pattern of the handler, without the prefix. */
  readonly pattern: string;
  /** The headers of the message, such as a `traceparent`. Any client of Redis may have sent them. Do not change them. */
  readonly headers: Headers;
  /** Identifies a request among those of all clients, as that of its {@link PublishTrace} does; absent for an event. */
  readonly requestId?: string;
  /** The id that the publisher gave the message, as that of its {@link PublishTrace}; absent where it has none. */
  readonly messageId?: string;
  /** In milliseconds; present when the handler has ended. */
  duration?: number;
  /** What the handler threw; if that is no error, an error with its text, and the value as `cause`. */
  error?: Error;
}

/**
 * What the tracing channel `nestjs-redis-pubsub:publish` publishes for each message: the same object from `start` to
 * `asyncEnd`. Redis has answered at `asyncStart`, or the message has failed. One that fails before it goes to Redis has
 * all of these events at once.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html#tracingchannel-channels
 */
export interface PublishTrace {
  /** The option `name` of the module, server or client that publishes the message. */
  readonly transport: string;
  /** Redis' name of the channel, prefix included. */
  readonly channel: string;
  /** The size of the payload; 0 for a message that failed before it went to Redis. */
  readonly bytes: number;
  /** The headers of an event or a request, if it has any. It is the object that a dispatch hook has set, or a copy of it. */
  readonly headers?: Headers;
  /** Identifies a request among those of all clients; absent for an event, a reply and a cancellation. */
  readonly requestId?: string;
  /**
   * The id of the message, as the handler gets it. That of a message which waited for the connection is present when Redis
   * has answered. Absent for a reply, and where messages have none.
   */
  messageId?: string;
  /** The number of subscriptions that Redis delivered to; present when it has answered. */
  receivers?: number;
  /** In milliseconds; present when Redis has answered, or the message has failed. */
  duration?: number;
  /** Why the message has failed. */
  error?: Error;
}

/** The tracing channel of the {@link HandleTrace}. Check `hasSubscribers` before you create one. */
export const handleTracing: TracingChannel<HandleTrace, HandleTrace> = tracingChannel(
  'nestjs-redis-pubsub:handle',
);

/** The tracing channel of the {@link PublishTrace}. Check `hasSubscribers` before you create one. */
export const publishTracing: TracingChannel<PublishTrace, PublishTrace> = tracingChannel(
  'nestjs-redis-pubsub:publish',
);

function named<Event>(name: keyof TelemetryEvents): TelemetryChannel<Event> {
  return channel(`nestjs-redis-pubsub:${name}`) as TelemetryChannel<Event>;
}
