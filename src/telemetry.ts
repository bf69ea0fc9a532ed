import { channel, type Channel } from 'node:diagnostics_channel';
import type { SubscriptionKind } from './channel/channel-pattern.js';

/**
 * Where a broker stands; only `connected` promises that messages arrive. `starving`: connections and
 * subscriptions are there, and yet nothing arrives.
 */
export type BrokerStatus =
  'disconnected' | 'connecting' | 'connected' | 'reconnecting' | 'starving';

/** A time in which messages of a subscription may have been lost. Redis stores nothing, and says nothing. */
export interface PubSubGap {
  /** The last proof that the connection still delivered. */
  readonly from: Date;
  /** When Redis acknowledged the subscription again. */
  readonly to: Date;
}

/** Why a message that arrived was not handed to a handler or observer. `cancelled`: a request, while it waited for one. */
export type DropReason =
  'cancelled' | 'closing' | 'decode' | 'overflow' | 'reply' | 'too-large' | 'unmatched';

/**
 * What is published on `node:diagnostics_channel`, under the name `nestjs-redis-pubsub:<key>`.
 * Channels are Redis' names, prefix included. With nobody listening an event costs one check.
 */
export interface TelemetryEvents {
  /** Redis answered a PUBLISH, or it failed. `receivers` counts the subscriptions delivered to. */
  publish: { readonly channel: string; readonly receivers?: number; readonly error?: unknown };
  /** A message arrived and was decoded. `bytes` is the size of its payload. */
  receive: { readonly channel: string; readonly subscription: string; readonly bytes: number };
  /** A handler ended. `duration` is in milliseconds. */
  handle: {
    readonly channel: string;
    readonly pattern: string;
    readonly duration: number;
    readonly error?: unknown;
  };
  /** A message was not handled. */
  drop: { readonly channel: string; readonly reason: DropReason; readonly error?: unknown };
  /** Redis acknowledged a subscription, after an outage with a `gap`, or refused it. */
  subscribe: {
    readonly kind: SubscriptionKind;
    readonly name: string;
    readonly gap?: PubSubGap;
    readonly error?: unknown;
  };
  /** Redis was told that a subscription is no longer wanted. */
  unsubscribe: { readonly kind: SubscriptionKind; readonly name: string };
  /**
   * A broker stands otherwise than before. `isUp`: its connections are there, even if what is
   * subscribed over them is not back yet; `connected` means that it is.
   */
  status: { readonly status: BrokerStatus; readonly isUp: boolean };
  /** Subscriptions are in place and nothing arrives, since then: the subscriber is replaced. */
  starve: { readonly since: Date };
  /** A subscriber is back, and since it was there before Redis has ended so many connections whose output buffers were full. */
  overrun: { readonly connections: number };
  /** By how much the event loop was late in the last second, in milliseconds. */
  lag: { readonly mean: number; readonly max: number };
  /** A lost connection is back. `outage` is in milliseconds, from its end until it was ready. */
  reconnect: { readonly connection: 'publisher' | 'subscriber'; readonly outage: number };
}

type Telemetry = {
  readonly [Key in keyof TelemetryEvents]: TelemetryChannel<TelemetryEvents[Key]>;
};

type TelemetryChannel<Event> = Omit<Channel<unknown, Event>, 'publish'> & {
  publish(event: Event): void;
};

/** The channels that this package publishes on; check `hasSubscribers` before building an event. */
export const telemetry: Telemetry = {
  publish: named('publish'),
  receive: named('receive'),
  handle: named('handle'),
  drop: named('drop'),
  subscribe: named('subscribe'),
  unsubscribe: named('unsubscribe'),
  status: named('status'),
  starve: named('starve'),
  overrun: named('overrun'),
  lag: named('lag'),
  reconnect: named('reconnect'),
};

function named<Event>(name: keyof TelemetryEvents): TelemetryChannel<Event> {
  return channel(`nestjs-redis-pubsub:${name}`) as TelemetryChannel<Event>;
}
