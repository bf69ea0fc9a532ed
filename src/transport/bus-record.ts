import type { NoReceivers } from '../broker/broker-options.js';
import type { ChannelPattern } from '../channel/channel-pattern.js';
import type { ChannelKind, SubscriptionKey } from '../channel/subscription-key.js';

/** An observer of a bus, for extensions. */
export interface BusObserver {
  readonly pattern: ChannelPattern;
  readonly key: SubscriptionKey;
}

/** A decorated handler of a bus, for extensions. */
export interface BusHandler extends BusObserver {
  readonly isEventHandler: boolean;
  /** Whether the codec of the bus decodes its messages: not those of a `MessageSource`. */
  readonly isDecoded: boolean;
  /** Class and method, where they are known. */
  readonly method: string | undefined;
  readonly handler: { readonly extras?: Readonly<Record<string, unknown>> | undefined };
  /** The messages that arrived for it. */
  readonly received: number;
  /** The messages that its method was called for. */
  readonly started: number;
  /** The messages that its method has ended for, and those of them that it threw for. */
  readonly ended: number;
  readonly failed: number;
  /** The messages that did not reach its method. */
  readonly dropped: number;
  /** The messages that wait for it. */
  readonly waiting: number;
  /** How often it may have missed messages, because of an outage. */
  readonly gaps: number;
}

/** What a bus has, and has done since it was created. Plain numbers: a message must not cost more than raising one. */
export class BusRecord {
  /** The messages that were handed to the broker: events, requests, replies and cancellations. */
  published = 0;
  /** How many of them were sharded. */
  publishedSharded = 0;
  /** The messages that did not arrive, by their message ids. */
  lost = 0;
  /** How often a handler or an observer received messages again after an outage. */
  gaps = 0;
  /** The messages that were dropped before they had a handler. */
  dropped = 0;
  /** Whether messages were published with history. */
  keepsHistory = false;
  /** Whether a history was read. */
  readsHistory = false;
  /** Whether a client has sent requests over it. */
  hasRequested = false;
  /** The handlers of each server of the bus. */
  readonly handlers = new Set<Iterable<BusHandler>>();
  /** The open observers of each service of the bus. */
  readonly observers = new Set<ReadonlySet<BusObserver>>();
  /** Called for each message that reached no subscription; see `BrokerOptions#onNoReceivers`. */
  readonly noReceivers: NoReceivers[] = [];

  /** A message is handed to the broker. */
  onPublished(kind: ChannelKind): void {
    this.published++;
    if (kind === 'shard') this.publishedSharded++;
  }
}
