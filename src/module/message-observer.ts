import type { Unsubscribable } from 'rxjs';
import type { PubSubGap, SubscriptionWaiter } from '../broker/broker.js';
import type { ChannelParams, ChannelPattern } from '../channel/channel-pattern.js';
import { NO_HEADERS, type Headers, type IncomingMessage } from '../codec/codec.js';
import { BusListener } from '../transport/bus-listener.js';
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

/** What somebody wants to observe. */
export interface Observation {
  readonly pattern: ChannelPattern;
  /** Whether shard channels are meant. */
  readonly isSharded: boolean;
  /** See `ObserveOptions`; must neither throw nor reject. */
  readonly onSubscribed: ((gap?: PubSubGap) => unknown) | undefined;
}

/** What the observers of a service share. */
export interface ObserverScope {
  readonly bus: MessageBus;
  /** Those that are open. */
  readonly observers: Set<MessageObserver>;
}

/**
 * One observer of one pattern, until `unsubscribe`. There may be half a million: it is the teardown of
 * an RxJS subscriber, and knows that, so that nobody needs a closure for each.
 */
export abstract class MessageObserver
  extends BusListener
  implements SubscriptionWaiter, Unsubscribable
{
  readonly #scope: ObserverScope;
  readonly #onSubscribed: ((gap?: PubSubGap) => unknown) | undefined;

  constructor(scope: ObserverScope, { pattern, isSharded, onSubscribed }: Observation) {
    super(pattern, isSharded);
    this.#scope = scope;
    this.#onSubscribed = onSubscribed;
  }

  protected override get bus(): MessageBus {
    return this.#scope.bus;
  }

  /** Hands on a message. */
  protected abstract next(message: PubSubMessage): void;

  /** Nothing will be heard. */
  abstract onFailed(error: unknown): void;

  /** Tells whoever observes that there will be no more. */
  abstract end(): void;

  /** Throws for a channel that nobody may hear; what comes of it {@link onSubscribed} and {@link onFailed} are told. */
  open(): void {
    this.listenFor(this);
    this.#scope.observers.add(this);
  }

  onSubscribed(): void {
    if (this.isListening) this.#onSubscribed?.();
  }

  protected override onMessage(message: IncomingMessage, channel: string): void {
    const { pattern } = this;
    const params = pattern.match(channel);
    if (!params) return;
    const { data, metadata = NO_HEADERS } = message;
    this.next({ data, channel, pattern: pattern.source, params, headers: metadata });
  }

  override onResubscribed(gap: PubSubGap): void {
    this.#onSubscribed?.(gap);
  }

  /** Hears nothing from the call on. Idempotent. */
  unsubscribe(): void {
    this.#scope.observers.delete(this);
    this.close(true);
  }
}
