import type { ProducerDeserializer } from '@nestjs/microservices';
import { whenSubscribed, type Delivery, type DeliveryListener } from '../../broker/broker.js';
import {
  CHANNEL_KINDS,
  channelKind,
  channelKindOf,
  type ChannelKind,
  type SubscriptionKey,
} from '../../channel/subscription-key.js';
import type { MessageId, OutgoingMessage } from '../../codec/codec.js';
import { isId, isRecord } from '../../codec/envelope-codec.js';
import { ConnectionError, shorten, withoutPayload } from '../../errors.js';
import { runOutside } from '../../shared/async-context.js';
import { forEachSafely } from '../../shared/for-each-safely.js';
import type { MessageBus } from '../message-bus.js';
import { listenersOf } from '../missed-messages.js';

/** A request that waits for its replies. */
export interface PendingRequest {
  /** The channel of the request, without the prefix. */
  readonly channel: string;
  /** A reply has arrived, and is being deserialized. */
  onArrival(): void;
  onReply(reply: Record<string, unknown>): void;
  /** The deserializer failed for a reply. */
  onUnreadable(error: unknown): void;
  onFailure(error: unknown): void;
}

/** The subscription for replies. */
export interface ReplyKey extends SubscriptionKey {
  readonly kind: ChannelKind;
}

/** A channel for replies, while requests use it. */
interface ReplyChannel {
  /** Set until Redis has acknowledged the subscription. */
  opening: Promise<void> | undefined;
  users: number;
}

/** How soon a stream that goes on is cancelled again. */
const CANCELLATION_PAUSE_MS = 1_000;

/** Receives the replies to one client's requests. Replies without a request are dropped. */
export class ReplyInbox implements DeliveryListener {
  /** The private channel of this client. */
  readonly name: string;
  readonly #bus: MessageBus;
  readonly #deserializer: ProducerDeserializer | undefined;
  readonly #pending = new TransientMap<PendingRequest>();
  readonly #channels: Readonly<Record<ChannelKind, Map<string, ReplyChannel>>> = {
    channel: new Map(),
    shard: new Map(),
  };
  /** Requests that were cancelled a moment ago: replies in flight still arrive. */
  readonly #cancelled = new Set<MessageId>();
  /** With a deserializer: settles when the last reply of a request, or without one, is handed on. */
  readonly #lastHandedOn = new WeakMap<object, Promise<void>>();
  readonly #onThrown: (thrown: unknown) => void;

  /**
   * `deserializer` is Nest's hook, which may be asynchronous. `onThrown` receives what the subscriber of a
   * request throws.
   */
  constructor(
    bus: MessageBus,
    deserializer: ProducerDeserializer | undefined,
    onThrown: (thrown: unknown) => void,
  ) {
    this.#bus = bus;
    this.#deserializer = deserializer;
    this.#onThrown = onThrown;
    this.name = bus.reserved.createInbox();
  }

  /**
   * Resolves when replies can be received on a channel; returns nothing if they can already. Each call needs a
   * {@link close}, unless it rejects.
   */
  open(key: ReplyKey): Promise<void> | undefined {
    const channel = this.#channels[key.kind].get(key.name) ?? this.#subscribe(key);
    channel.users++;
    return channel.opening;
  }

  /** Whether replies that are published now would be received. */
  isSubscribed(key: ReplyKey): boolean {
    return this.#bus.broker.isSubscribed(key);
  }

  /** Calls `onRead` when every reply that has arrived is handed on; see `Broker#whenRead`. */
  whenRead(key: ReplyKey, onRead: () => void): void {
    this.#bus.broker.whenRead(key, onRead);
  }

  /** Ends an {@link open}. The private channel of the client stays subscribed for its next request. */
  close(key: ReplyKey): void {
    const channels = this.#channels[key.kind];
    const channel = channels.get(key.name);
    if (!channel || --channel.users > 0 || key.name === this.name) return;
    channels.delete(key.name);
    this.#bus.broker.unsubscribe(key, this);
  }

  /** Adds a request. */
  add(id: MessageId, request: PendingRequest): void {
    this.#pending.set(id, request);
  }

  /** Removes a request. */
  remove(id: MessageId): void {
    this.#pending.delete(id);
  }

  /** Tells the responders that the client no longer waits. They find a request by its private channel alone. */
  sendCancellation(id: MessageId, { kind, name }: ReplyKey): void {
    if (name !== this.name || this.#cancelled.has(id)) return;
    if (this.#cancelled.size === 0) {
      runOutside(() => setTimeout(() => this.#cancelled.clear(), CANCELLATION_PAUSE_MS).unref());
    }
    this.#cancelled.add(id);
    this.#bus.cancel({ id, replyTo: name }, kind);
  }

  /** Reports a request that ended before it was published. Without an error its client has cancelled it. */
  reportUnsent(packet: OutgoingMessage, error: unknown = createAbortError()): void {
    this.#bus.reportUnsent(packet, error);
  }

  /** Whether a request with this count of receivers certainly reached no subscriber. */
  isUndelivered(receivers: number, { kind }: ReplyKey): boolean {
    return this.#bus.isUndelivered(receivers, kind);
  }

  /** Whether the count of receivers of a request is that of all subscriptions. */
  countsReceivers({ kind }: ReplyKey): boolean {
    return this.#bus.broker.countsReceivers(kind);
  }

  /** A hint for a request without a subscriber, if this process handles the other kind of the channel. */
  mixUpHint(channel: string, { kind }: ReplyKey): string {
    const isSharded = kind === 'shard';
    if (listenersOf(this.#bus, channel, channelKind(!isSharded)).length === 0) return '';
    const [sent, handled] = isSharded ? ['sharded', 'not sharded'] : ['not sharded', 'sharded'];
    return `: the request was ${sent}, and the handler in this process is ${handled}. Set sharded: ${!isSharded} for the request, or change the handler`;
  }

  /** Whether the subscriptions that received a request are all of this process, and none is of a request handler. */
  isWithoutResponder(channel: string, { kind }: ReplyKey, receivers: number): boolean {
    const listeners = listenersOf(this.#bus, channel, kind);
    const subscriptions = new Set(listeners.map(({ key }) => `${key.kind} ${key.name}`));
    return subscriptions.size >= receivers && !listeners.some(({ replies }) => replies);
  }

  onDelivery(delivery: Delivery): void {
    forEachSafely(
      this.#bus.reader.readBatch(delivery),
      (reply) => {
        if (this.#deserializer) this.#handOnLater(this.#deserializer, reply, delivery);
        else this.#handOn(reply, delivery);
      },
      this.#onThrown,
    );
  }

  /** Fails every request, and unsubscribes. */
  closeAll(error: unknown): void {
    for (const kind of CHANNEL_KINDS) {
      for (const name of this.#channels[kind].keys()) {
        this.#bus.broker.unsubscribe({ kind, name }, this);
      }
      this.#channels[kind].clear();
    }
    const requests = this.#pending.values();
    this.#pending.clear();
    forEachSafely(requests, (request) => request.onFailure(error), this.#onThrown);
  }

  /** `expected` is the request of the id that the reply had before a deserializer changed it. */
  #handOn(reply: unknown, delivery: Delivery, expected?: PendingRequest): void {
    const request = isRecord(reply) ? (this.#requestOf(reply) ?? expected) : undefined;
    if (request) request.onReply(reply as Record<string, unknown>);
    else this.#onUnmatched(reply, delivery);
  }

  /** A responder that goes on with a stream has not received the cancellation: it can be lost, too. */
  #onUnmatched(reply: unknown, { channel, kind }: Delivery): void {
    this.#bus.reader.reportDrop(channel, 'unmatched');
    if (!isRecord(reply)) return;
    const { id, err, isDisposed } = reply;
    const goesOn = isId(id) && !err && isDisposed !== true;
    if (goesOn) this.sendCancellation(id, { kind: channelKindOf(kind), name: channel });
  }

  #requestOf({ id }: Record<string, unknown>): PendingRequest | undefined {
    return isId(id) ? this.#pending.get(id) : undefined;
  }

  /** Keeps the order of the replies to one request; other requests need not wait for them. */
  #handOnLater(deserializer: ProducerDeserializer, reply: unknown, delivery: Delivery): void {
    const request = isRecord(reply) ? this.#requestOf(reply) : undefined;
    request?.onArrival();
    const chain = request ?? this;
    const { channel } = request ?? delivery;
    const handedOn = this.#deserialize(deserializer, reply, channel, this.#lastHandedOn.get(chain))
      .then(
        (packet) => this.#handOn(packet, delivery, request),
        (error: unknown) => this.#onUnreadable(error, delivery, request),
      )
      .catch(this.#onThrown);
    this.#lastHandedOn.set(chain, handedOn);
  }

  async #deserialize(
    deserializer: ProducerDeserializer,
    reply: unknown,
    channel: string,
    previous: Promise<void> | undefined,
  ): Promise<unknown> {
    try {
      return (await deserializer.deserialize(reply, { channel })) as unknown;
    } finally {
      await previous;
    }
  }

  #onUnreadable(thrown: unknown, { channel }: Delivery, request: PendingRequest | undefined): void {
    const error = withoutPayload(thrown);
    this.#bus.reader.reportDrop(channel, 'decode', error);
    request?.onUnreadable(error);
  }

  #subscribe(key: ReplyKey): ReplyChannel {
    this.#bus.record.hasRequested = true;
    const channel: ReplyChannel = { opening: undefined, users: 0 };
    const channels = this.#channels[key.kind];
    channels.set(key.name, channel);
    channel.opening = whenSubscribed(this.#bus.broker, key, this).then(
      () => {
        channel.opening = undefined;
      },
      (error: unknown) => {
        if (channels.get(key.name) === channel) channels.delete(key.name);
        throw error;
      },
    );
    return channel;
  }
}

/**
 * A map for entries that exist for a moment only, thousands of times a second.
 *
 * A `Map` then replaces its table all the time, and each table refers to its successor. When V8 has moved
 * one of them to the old generation, all later ones survive with what they refer to. Every minor collection
 * copies it, until a major one. An object without a prototype has no such chain.
 */
export class TransientMap<Value> {
  #entries = createEntries<Value>();

  get(key: string | number): Value | undefined {
    return this.#entries[key];
  }

  set(key: string | number, value: Value): void {
    this.#entries[key] = value;
  }

  delete(key: string | number): void {
    delete this.#entries[key];
  }

  values(): Value[] {
    return Object.values(this.#entries) as Value[];
  }

  clear(): void {
    this.#entries = createEntries();
  }
}

function createAbortError(): Error {
  return new DOMException('The request ended before it was sent', 'AbortError');
}

function createEntries<Value>(): Record<string, Value | undefined> {
  return Object.create(null) as Record<string, Value | undefined>;
}

/**
 * Has a request receive its replies; its reply channel is open. Throws `ConnectionError` if they could not arrive:
 * after an outage the connection is ready a moment before its subscriptions.
 */
export function receiveReplies(
  inbox: ReplyInbox,
  request: PendingRequest,
  { id, replyKey }: { readonly id: MessageId; readonly replyKey: ReplyKey },
): void {
  inbox.add(id, request);
  if (inbox.isSubscribed(replyKey)) return;
  throw new ConnectionError(
    `Cannot send a request: its replies could not arrive yet ("${shorten(request.channel)}")`,
  );
}
