import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { RedisPubSubService, type PubSubGap } from 'nestjs-redis-pubsub';
import { Subscription } from 'rxjs';
import type { Adapter } from 'socket.io-adapter';
import { readChannel } from '../node/channels.js';
import { unavailable } from './refusal.js';

/** What to do with what a node receives. */
export interface FeedListener {
  onMessage(channel: string, data: unknown): void;
  /** Messages of the channel may be lost. */
  onGap(channel: string): void;
}

interface Feed {
  readonly subscription: Subscription;
  /** Resolves when Redis has acknowledged the subscription. */
  readonly isSubscribed: Promise<void>;
}

/**
 * Observes a channel of Redis as long as this node has a Socket.IO room of that name, which exists as long as a
 * socket is in it. So a node with ten thousand sockets in a room has one subscription, and a node without any has none.
 */
@Injectable()
export class ChannelFeeds implements OnModuleDestroy {
  readonly #logger = new Logger(ChannelFeeds.name);
  readonly #feeds = new Map<string, Feed>();

  constructor(private readonly pubsub: RedisPubSubService) {}

  /** Begins to follow the rooms of a Socket.IO server. */
  follow(rooms: Adapter, listener: FeedListener): void {
    rooms.on('create-room', (name: string) => this.#open(name, listener));
    rooms.on('delete-room', (name: string) => this.#close(name));
  }

  /**
   * Resolves when Redis has acknowledged the subscriptions to channels with a socket. Rejects with a `Refusal` during
   * an outage, so that the page gets its answer at once and tries again.
   */
  async areSubscribed(channels: readonly string[]): Promise<void> {
    if (this.pubsub.status !== 'connected') throw unavailable();
    const feeds = channels.flatMap((channel) => this.#feeds.get(channel) ?? []);
    await Promise.all(feeds.map(({ isSubscribed }) => isSubscribed));
  }

  onModuleDestroy(): void {
    for (const name of this.#feeds.keys()) this.#close(name);
  }

  #open(name: string, listener: FeedListener): void {
    // Each socket is in a room of its own id as well.
    if (!readChannel(name)) return;
    let subscription = Subscription.EMPTY;
    const isSubscribed = new Promise<void>((resolve, reject) => {
      const onSubscribed = (gap?: PubSubGap): void => {
        resolve();
        if (gap) listener.onGap(name);
      };
      subscription = this.pubsub.observe(name, { onSubscribed }).subscribe({
        next: ({ data }) => listener.onMessage(name, data),
        error: (error: Error) => {
          this.#logger.error(`Cannot receive the messages of ${name}: ${error.message}`);
          reject(error);
        },
      });
    });
    // It may have no reader.
    isSubscribed.catch(() => undefined);
    this.#feeds.set(name, { subscription, isSubscribed });
  }

  #close(name: string): void {
    this.#feeds.get(name)?.subscription.unsubscribe();
    this.#feeds.delete(name);
  }
}
