import type { ProducerDeserializer } from '@nestjs/microservices';
import type { Delivery, DeliveryListener } from '../../broker/broker.js';
import { LITERAL_KINDS, literalKind, type LiteralKind } from '../../channel/channel-pattern.js';
import type { MessageId } from '../../codec/codec.js';
import { isId, isRecord } from '../../codec/envelope-codec.js';
import { eachDespite } from '../../shared/for-each-safely.js';
import type { MessageBus } from '../message-bus.js';

/**
 * A map of what is there for a moment only, thousands of times a second.
 *
 * A `Map` replaces its table all the time then, and each table refers to the one that took its place:
 * once V8 has moved one of them to the old generation, all that follow survive with whatever they
 * held, and every minor collection copies it, until a major one. An object without a prototype has
 * no such chain.
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

function createEntries<Value>(): Record<string, Value | undefined> {
  return Object.create(null) as Record<string, Value | undefined>;
}

/** Someone who waits for the replies to one request. */
export interface PendingRequest {
  /** The channel that it went to, without the prefix. */
  readonly channel: string;
  /** A reply has come, and is yet to be read. */
  onArrival(): void;
  onReply(reply: Record<string, unknown>): void;
  onFailure(error: unknown): void;
}

/** Where replies come: on a channel, by Redis' name, or on a shard channel. */
export interface ReplyAddress {
  readonly channel: string;
  readonly isSharded: boolean;
}

/** A channel that replies come on, while anyone needs it. */
interface ReplyChannel {
  /** Until Redis has acknowledged it. */
  opening: Promise<void> | undefined;
  users: number;
}

/** How soon a stream that goes on is cancelled again, in milliseconds. */
const CANCELLATION_PAUSE = 1_000;

/**
 * Where the replies to one client's requests arrive, and the map of those that are waiting. Replies
 * that nobody asked for are dropped.
 */
export class ReplyInbox implements DeliveryListener {
  /** The channel that is this client's own. */
  readonly name: string;
  readonly #bus: MessageBus;
  readonly #deserializer: ProducerDeserializer | undefined;
  readonly #pending = new TransientMap<PendingRequest>();
  readonly #channels: Readonly<Record<LiteralKind, Map<string, ReplyChannel>>> = {
    channel: new Map(),
    shard: new Map(),
  };
  /** Those that were abandoned a moment ago: what was on its way by then still comes. */
  readonly #abandoned = new Set<MessageId>();
  /** What settles when the last reply to a request, or to nobody knows whom, has been handed on; where a deserializer takes its time. */
  readonly #lastHandedOn = new WeakMap<object, Promise<void>>();

  readonly #onThrown: (thrown: unknown) => void;

  /** `deserializer`: Nest's own hook, which may be asynchronous. `onThrown`: what a caller threw as its request ended. */
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
   * Resolves when replies can arrive at an address; returns nothing where they can already. Each call
   * wants a {@link release}, unless it rejects.
   */
  acquire({ channel, isSharded }: ReplyAddress): Promise<void> | undefined {
    const kind = literalKind(isSharded);
    const known = this.#channels[kind].get(channel) ?? this.#open(kind, channel);
    known.users++;
    return known.opening;
  }

  /** Whether an {@link acquire} could succeed now. */
  canHear({ channel, isSharded }: ReplyAddress): boolean {
    return this.#bus.broker.canHear(literalKind(isSharded), channel);
  }

  /** Whether replies that are published now would arrive. */
  hears({ channel, isSharded }: ReplyAddress): boolean {
    return this.#bus.broker.hears(literalKind(isSharded), channel);
  }

  /** Ends an {@link acquire}. The client's own channel is kept: the next request wants it again. */
  release({ channel, isSharded }: ReplyAddress): void {
    const kind = literalKind(isSharded);
    const known = this.#channels[kind].get(channel);
    if (!known || --known.users > 0 || channel === this.name) return;
    this.#channels[kind].delete(channel);
    this.#bus.broker.unsubscribe(kind, channel, this);
  }

  expect(id: MessageId, request: PendingRequest): void {
    this.#pending.set(id, request);
  }

  forget(id: MessageId): void {
    this.#pending.delete(id);
  }

  /** Tells whoever still answers a request that nobody listens; it has to have been asked to answer here. */
  abandon(id: MessageId, { channel, isSharded }: ReplyAddress): void {
    if (channel !== this.name || this.#abandoned.has(id)) return;
    if (this.#abandoned.size === 0) {
      setTimeout(() => this.#abandoned.clear(), CANCELLATION_PAUSE).unref();
    }
    this.#abandoned.add(id);
    this.#bus.cancel({ id, replyTo: channel }, isSharded);
  }

  /** Whether a request that went the way of its replies, to so many subscriptions, reached nobody for certain. */
  isUnheard(receivers: number, { isSharded }: ReplyAddress): boolean {
    return this.#bus.isUnheard(receivers, isSharded);
  }

  onDelivery(delivery: Delivery): void {
    eachDespite(
      this.#bus.readJoined(delivery),
      (reply) => {
        if (this.#deserializer) this.#handOnLater(this.#deserializer, reply, delivery);
        else this.#handOn(reply, delivery);
      },
      this.#onThrown,
    );
  }

  /** Fails every request that is waiting, and hears no more. */
  close(error: unknown): void {
    for (const kind of LITERAL_KINDS) {
      for (const channel of this.#channels[kind].keys()) {
        this.#bus.broker.unsubscribe(kind, channel, this);
      }
      this.#channels[kind].clear();
    }
    const requests = this.#pending.values();
    this.#pending.clear();
    eachDespite(requests, (request) => request.onFailure(error), this.#onThrown);
  }

  /** `expected`: whose id it bore as it came, before a deserializer. */
  #handOn(reply: unknown, delivery: Delivery, expected?: PendingRequest): void {
    const request = isRecord(reply) ? (this.#requestOf(reply) ?? expected) : undefined;
    if (request) request.onReply(reply as Record<string, unknown>);
    else this.#onUnmatched(reply, delivery);
  }

  /** A stream that nobody hears any more has not been told so: cancellations can be lost, too. */
  #onUnmatched(reply: unknown, { channel, kind }: Delivery): void {
    this.#bus.dropped(channel, 'unmatched');
    if (!isRecord(reply)) return;
    const { id, err, isDisposed } = reply;
    const goesOn = isId(id) && !err && isDisposed !== true;
    if (goesOn) this.abandon(id, { channel, isSharded: kind === 'shard' });
  }

  #requestOf({ id }: Record<string, unknown>): PendingRequest | undefined {
    return isId(id) ? this.#pending.get(id) : undefined;
  }

  /** After those before it to the same request: others need not wait for them. */
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

  #onUnreadable(error: unknown, { channel }: Delivery, request: PendingRequest | undefined): void {
    this.#bus.dropped(channel, 'decode', error);
    request?.onFailure(error);
  }

  #open(kind: LiteralKind, channel: string): ReplyChannel {
    const opened: ReplyChannel = { opening: undefined, users: 0 };
    const channels = this.#channels[kind];
    channels.set(channel, opened);
    opened.opening = this.#bus.broker.subscribe(kind, channel, this).then(
      () => {
        opened.opening = undefined;
      },
      (error: unknown) => {
        if (channels.get(channel) === opened) channels.delete(channel);
        throw error;
      },
    );
    return opened;
  }
}
