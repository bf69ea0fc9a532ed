import type { PubSubGap } from '../broker/broker.js';
import type { ChannelParams, ChannelPattern } from '../channel/channel-pattern.js';
import type { Headers, IncomingMessage } from '../codec/codec.js';
import type { BusSubscription, MessageListener } from '../transport/bus-subscription.js';
import type { MessageBus } from '../transport/message-bus.js';

/** A message as an observer sees it. Has `data`, so that an `@Sse()` method can return it as it is. */
export interface PubSubMessage<T = unknown> {
  readonly data: T;
  /** Where it was published, without the prefix. */
  readonly channel: string;
  /** The pattern, or the channel, that was asked for. */
  readonly pattern: string;
  /** What the `:name` segments of the pattern took. */
  readonly params: ChannelParams;
  /** What the publisher sent beside the data. */
  readonly headers: Headers;
}

/** One observer of one pattern. */
export class MessageObserver implements MessageListener {
  #subscription: BusSubscription | undefined;
  #isClosed = false;

  constructor(
    private readonly pattern: ChannelPattern,
    private readonly next: (message: PubSubMessage) => void,
    /** Tells the observer that there will be no more. */
    readonly end: () => void,
    private readonly onSubscribed?: (gap?: PubSubGap) => void,
  ) {}

  async open(bus: MessageBus, isSharded: boolean): Promise<void> {
    const { subscription, acknowledged } = bus.subscribe(this.pattern, this, isSharded);
    this.#subscription = subscription;
    await acknowledged;
    if (!this.#isClosed) this.onSubscribed?.();
  }

  onMessage(message: IncomingMessage, channel: string): void {
    const params = this.pattern.match(channel);
    if (!params || this.#isClosed) return;
    const { data, metadata } = message;
    this.next({ data, channel, pattern: this.pattern.source, params, headers: metadata ?? {} });
  }

  onResubscribed(gap: PubSubGap): void {
    if (!this.#isClosed) this.onSubscribed?.(gap);
  }

  close(): void {
    this.#isClosed = true;
    this.#subscription?.close(true);
  }
}
