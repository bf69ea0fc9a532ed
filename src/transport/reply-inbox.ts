import type { Delivery, DeliveryListener } from '../broker/broker.js';
import type { MessageBus } from './message-bus.js';

/** Someone who waits for the replies to one request. */
export interface PendingRequest {
  onReply(reply: Record<string, unknown>): void;
  onFailure(error: unknown): void;
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

  /** Resolves when replies can arrive on `channel`. Each call wants a {@link release}. */
  async acquire(channel: string): Promise<void> {
    const known = this.#channels.get(channel) ?? {
      opened: this.#bus.broker.subscribe('channel', channel, this),
      users: 0,
    };
    this.#channels.set(channel, known);
    known.users++;
    try {
      await known.opened;
    } catch (error) {
      this.#channels.delete(channel);
      throw error;
    }
  }

  /** Whether replies that are published now would arrive. */
  hears(channel: string): boolean {
    return this.#bus.broker.hears('channel', channel);
  }

  /** Ends an {@link acquire}. The client's own channel is kept: the next request wants it again. */
  release(channel: string): void {
    const known = this.#channels.get(channel);
    if (!known || --known.users > 0 || channel === this.name) return;
    this.#channels.delete(channel);
    this.#bus.broker.unsubscribe('channel', channel, this);
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
