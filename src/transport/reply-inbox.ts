import type { Delivery, DeliveryListener } from '../broker/broker.js';
import type { MessageBus } from './message-bus.js';

/** Someone who waits for the replies to one request. */
export interface PendingRequest {
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
  readonly opened: Promise<void>;
  users: number;
}

/**
 * Where the replies to one client's requests arrive, and the map of those that are waiting. Replies
 * that nobody asked for are dropped.
 */
export class ReplyInbox implements DeliveryListener {
  /** The channel that is this client's own. */
  readonly name: string;
  readonly #bus: MessageBus;
  readonly #pending = new Map<string, PendingRequest>();
  readonly #channels = new Map<string, ReplyChannel>();

  constructor(bus: MessageBus) {
    this.#bus = bus;
    this.name = bus.reserved.createInbox();
  }

  /** Resolves when replies can arrive at an address. Each call wants a {@link release}. */
  async acquire(address: ReplyAddress): Promise<void> {
    const { kind, channel, key } = keyOf(address);
    const known = this.#channels.get(key) ?? {
      opened: this.#bus.broker.subscribe(kind, channel, this),
      users: 0,
    };
    this.#channels.set(key, known);
    known.users++;
    try {
      await known.opened;
    } catch (error) {
      this.#channels.delete(key);
      throw error;
    }
  }

  /** Whether replies that are published now would arrive. */
  hears(address: ReplyAddress): boolean {
    const { kind, channel } = keyOf(address);
    return this.#bus.broker.hears(kind, channel);
  }

  /** Ends an {@link acquire}. The client's own channel is kept: the next request wants it again. */
  release(address: ReplyAddress): void {
    const { kind, channel, key } = keyOf(address);
    const known = this.#channels.get(key);
    if (!known || --known.users > 0 || channel === this.name) return;
    this.#channels.delete(key);
    this.#bus.broker.unsubscribe(kind, channel, this);
  }

  expect(id: string, request: PendingRequest): void {
    this.#pending.set(id, request);
  }

  forget(id: string): void {
    this.#pending.delete(id);
  }

  onDelivery(delivery: Delivery): void {
    const reply = this.#bus.readPacket(delivery);
    const request = typeof reply?.id === 'string' ? this.#pending.get(reply.id) : undefined;
    if (reply && request) request.onReply(reply);
    else this.#bus.dropped(delivery.channel, 'unmatched');
  }

  /** Fails every request that is waiting, and hears no more. */
  close(error: unknown): void {
    for (const channel of this.#channels.keys()) {
      this.#bus.broker.unsubscribe('channel', channel, this);
    }
    this.#channels.clear();
    const requests = [...this.#pending.values()];
    this.#pending.clear();
    for (const request of requests) request.onFailure(error);
  }
}

function keyOf({ channel, isSharded }: ReplyAddress) {
  const kind = isSharded ? 'shard' : 'channel';
  return { kind, channel, key: `${kind} ${channel}` } as const;
}
