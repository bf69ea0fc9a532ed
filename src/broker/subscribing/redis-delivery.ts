import type { Redis } from 'ioredis';
import type { SubscriptionKind } from '../../channel/subscription-key.js';
import { ChunkPayload } from '../../shared/payload.js';
import type { Delivery, DeliverySource } from '../broker.js';
import { interceptBytes, messageType } from '../connection/ioredis-internals.js';
import { FrameReader, PUSH, type MessageTarget } from './frame-reader.js';

/** The events of ioredis for the messages of each kind: with text, and with bytes. */
const EVENTS = {
  channel: ['message', 'messageBuffer'],
  pattern: ['pmessage', 'pmessageBuffer'],
  shard: ['smessage', 'smessageBuffer'],
} as const satisfies Record<SubscriptionKind, readonly [string, string]>;

/** A message that Redis sent. */
class RedisDelivery implements Delivery {
  decoded: unknown = undefined;
  source: DeliverySource | undefined = undefined;
  names: ChannelNames | undefined = undefined;

  constructor(
    readonly kind: SubscriptionKind,
    readonly subscription: string,
    readonly channel: string,
    readonly payload: ChunkPayload,
  ) {}

  channelBytes(): Buffer {
    return (this.names as ChannelNames).channelBytes();
  }
}

/** Has the name of the channel of the message that is being delivered. */
interface ChannelNames {
  channelBytes(): Buffer;
}

/** Calls `onDelivery`, which must not throw, with every message that a client receives. */
export function receiveFrom(client: Redis, onDelivery: (delivery: Delivery) => void): void {
  const receiver = new MessageReceiver(client, onDelivery);
  receiver.listen();
  interceptBytes(client, (passOn) => {
    const reader = new FrameReader(receiver, passOn);
    receiver.names = reader;
    return (bytes) => reader.read(bytes);
  });
}

/**
 * Receives the messages of a client from its sockets, and from ioredis where that does not work. It leaves the
 * messages to ioredis, too, while the application listens to their events.
 */
class MessageReceiver implements MessageTarget {
  readonly #client: Redis;
  readonly #onDelivery: (delivery: Delivery) => void;
  /** The reader of the current socket, or an event of ioredis. */
  names: ChannelNames | undefined;

  constructor(client: Redis, onDelivery: (delivery: Delivery) => void) {
    this.#client = client;
    this.#onDelivery = onDelivery;
  }

  accepts(kind: SubscriptionKind, type: number): boolean {
    const client = this.#client;
    if (messageType(client) !== (type === PUSH ? 'push' : 'array')) return false;
    const [text, bytes] = EVENTS[kind];
    // One listener is of this class.
    return client.listenerCount(text) === 0 && client.listenerCount(bytes) === 1;
  }

  onMessage(
    kind: SubscriptionKind,
    subscription: string,
    channel: string,
    payload: ChunkPayload,
  ): void {
    const delivery = new RedisDelivery(kind, subscription, channel, payload);
    delivery.names = this.names;
    this.#onDelivery(delivery);
    payload.release();
  }

  listen(): void {
    const client = this.#client;
    client.on(EVENTS.channel[1], (name: unknown, payload: unknown) =>
      this.#onEvent('channel', undefined, name, payload),
    );
    client.on(EVENTS.pattern[1], (pattern: string, name: unknown, payload: unknown) =>
      this.#onEvent('pattern', pattern, name, payload),
    );
    client.on(EVENTS.shard[1], (name: unknown, payload: unknown) =>
      this.#onEvent('shard', undefined, name, payload),
    );
  }

  /** Drops a frame without a name or without bytes, such as Redis' notices of client-side caching. */
  #onEvent(
    kind: SubscriptionKind,
    pattern: string | undefined,
    name: unknown,
    payload: unknown,
  ): void {
    if (!Buffer.isBuffer(name) || !Buffer.isBuffer(payload)) return;
    const channel = name.toString();
    const reader = this.names;
    this.names = { channelBytes: () => name };
    this.onMessage(kind, pattern ?? channel, channel, new ChunkPayload(payload));
    this.names = reader;
  }
}
