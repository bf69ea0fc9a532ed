import type { Observer, Unsubscribable } from 'rxjs';
import type { Delivery, PubSubGap, SubscriptionWaiter } from '../broker/broker.js';
import type { ChannelParams, ChannelPattern } from '../channel/channel-pattern.js';
import type { SubscriptionKey } from '../channel/subscription-key.js';
import {
  NO_HEADERS,
  type Headers,
  type IncomingMessage,
  type LostMessages,
} from '../codec/codec.js';
import { visibleId } from '../codec/message-id.js';
import { SharedContext } from '../shared/async-context.js';
import { BusListener } from '../transport/bus-listener.js';
import type { MessageBus } from '../transport/message-bus.js';
import type { Failure } from '../transport/redis-pubsub.context.js';
import {
  isHandlerTraced,
  traceHandler,
  traceSubscriber,
  type TracedMessage,
} from '../transport/trace-handler.js';

/** A message as an observer receives it. It has `data`, so that an `@Sse()` method can return it as it is. */
export interface PubSubMessage<T = unknown> {
  /** The same object for all observers of a channel in this process: copy it before you change it. */
  readonly data: T;
  /** The channel that it was published on, without the prefix. */
  readonly channel: string;
  /** The pattern, or the channel, of the observer. */
  readonly pattern: string;
  /** The values of the `:name` segments of the pattern. */
  readonly params: ChannelParams;
  /** The headers that the publisher sent. */
  readonly headers: Headers;
  /**
   * The id that the publisher gave the message: no other message has it. `undefined` where the message has none, such as
   * bare data.
   */
  readonly id?: string | undefined;
  /**
   * The place behind this message in the history of its channel, for `since`. It is short ASCII text without spaces, such
   * as the `id` of a server-sent event. `undefined` without `recover`, and outside `RedisPubSubService.history`.
   */
  readonly position?: string | undefined;
}

/** Messages of one publisher on one channel that did not arrive. */
export interface PubSubLoss {
  /** The channel that they were published on, without the prefix. */
  readonly channel: string;
  /** Identifies the publisher: a process has one for each client, server or module. */
  readonly publisher: string;
  /** How many messages. */
  readonly count: number;
  /** Whether the subscription had a gap in that time, which `onSubscribed` was called with. */
  readonly duringGap: boolean;
}

/** What became of the messages that an observer with `recover` may have missed. */
export interface PubSubRecovery {
  /** The time without a subscription. Absent for the first one, and where single messages did not arrive. */
  readonly gap?: PubSubGap;
  /**
   * Whether the observer receives all messages with history that were published since its last one, or since `since`. If
   * not, it receives none of them: load the state that they are about. It is `false` for the first subscription without
   * `since`.
   */
  readonly recovered: boolean;
  /** The position behind the last message that the observer has received, or does not need. For `since`. */
  readonly position: string | undefined;
}

/** What to observe. */
export interface Observation {
  readonly pattern: ChannelPattern;
  readonly key: SubscriptionKey;
  /** See `ObserveOptions` and `RecoverOptions`; must neither throw nor reject. */
  readonly onSubscribed: ((told?: PubSubGap | PubSubRecovery) => unknown) | undefined;
  /** See `ObserveOptions`; must neither throw nor reject. */
  readonly onLost: ((lost: PubSubLoss) => unknown) | undefined;
}

/** What the observers of a service share. */
export interface ObserverScope {
  readonly bus: MessageBus;
  /** The observers that are open. */
  readonly observers: Set<MessageObserver>;
}

/**
 * Passes the messages of one pattern to a destination, such as an RxJS subscriber, until `unsubscribe`. A
 * process may hold half a million: an observer is itself the teardown of its subscriber, and needs no closure.
 */
export class MessageObserver extends BusListener implements SubscriptionWaiter, Unsubscribable {
  readonly #scope: ObserverScope;
  readonly #onSubscribed: Observation['onSubscribed'];
  readonly #onLost: Observation['onLost'];
  /** When it began to listen, see `LossCounter#time`. */
  #since = 0;
  readonly #destination: Observer<PubSubMessage>;
  /** That of the observer: messages arrive in that of the connection. */
  readonly #context = SharedContext.current();

  constructor(
    scope: ObserverScope,
    { pattern, key, onSubscribed, onLost }: Observation,
    destination: Observer<PubSubMessage>,
  ) {
    super(pattern, key);
    this.#scope = scope;
    this.#onSubscribed = onSubscribed;
    this.#onLost = onLost;
    this.#destination = destination;
  }

  protected override get bus(): MessageBus {
    return this.#scope.bus;
  }

  /** Subscribes. Throws for a reserved channel. */
  open(): void {
    this.#since = this.bus.losses?.time ?? 0;
    this.listen(this);
    this.addToScope();
  }

  /** From now on it can be completed. */
  protected addToScope(): void {
    this.#scope.observers.add(this);
  }

  protected get isOpen(): boolean {
    return this.#scope.observers.has(this);
  }

  onSubscribed(): void {
    // It may have been closed after Redis' acknowledgement.
    if (this.isOpen) this.callOnSubscribed();
  }

  onFailed(error: unknown): void {
    this.#context.error(this.#destination, error);
  }

  protected override onMessage(
    message: IncomingMessage,
    channel: string,
    delivery: Delivery,
  ): void {
    const { pattern } = this;
    const params = pattern.match(channel);
    if (!params) return;
    const { data, metadata = NO_HEADERS, lost } = message;
    const id = visibleId(message.messageId);
    if (lost && this.#onLost) this.#callOnLost(this.#onLost, lost, channel);
    const passed = { data, channel, pattern: pattern.source, params, headers: metadata, id };
    if (isHandlerTraced()) this.passTraced(passed, delivery);
    else this.pass(passed);
  }

  protected pass(message: PubSubMessage): void {
    this.#context.next(this.#destination, message);
  }

  /** As {@link pass}, and reports it to telemetry. */
  protected passTraced(message: PubSubMessage, delivery: Delivery): void {
    const traced = this.traced(message, delivery);
    this.runInContext(() => traceSubscriber(traced, () => this.#destination.next(message)));
  }

  protected traced(message: PubSubMessage, delivery: Delivery): TracedMessage {
    const { pattern, headers, id: messageId } = message;
    return { transport: this.bus.options.name, pattern, headers, messageId, delivery };
  }

  /** Runs a function in the context of the observer. A tool that traces binds its store over that, and not under it. */
  protected runInContext(run: () => unknown): void {
    this.#context.runInAsyncScope(run);
  }

  override onResubscribed(gap: PubSubGap): void {
    this.countGap();
    this.callOnSubscribed(gap);
  }

  /** An outage has ended. */
  protected countGap(): void {
    this.bus.record.gaps++;
  }

  /** Completes the destination: there will be no more messages. */
  complete(): void {
    this.#context.complete(this.#destination);
  }

  protected callOnSubscribed(told?: PubSubGap | PubSubRecovery): void {
    const onSubscribed = this.#onSubscribed;
    if (onSubscribed) this.#context.runInAsyncScope(onSubscribed, undefined, told);
  }

  #callOnLost(
    onLost: NonNullable<Observation['onLost']>,
    { publisher, count, duringGap, since }: LostMessages,
    channel: string,
  ): void {
    // They may be older than this observer, and another one had the subscription.
    if (since <= this.#since) return;
    const lost = { channel, publisher, count, duringGap };
    this.#context.runInAsyncScope(onLost, undefined, lost);
  }

  /** Receives nothing from this call on. Idempotent. */
  unsubscribe(): void {
    if (this.#scope.observers.delete(this)) this.close(true);
  }
}

/** Runs a handler for a message. Does not reject. */
export type RunHandler = (message: PubSubMessage) => Promise<Failure | undefined>;

/** Where the messages of a handler go. */
export type HandlerDestination = Omit<Observer<PubSubMessage>, 'next'> & {
  readonly run: RunHandler;
};

/** The observer behind `subscribe`, whose handler may be asynchronous, and fail. */
export class HandlerObserver extends MessageObserver {
  readonly #run: RunHandler;

  constructor(scope: ObserverScope, observation: Observation, destination: HandlerDestination) {
    const { run } = destination;
    super(scope, observation, { ...destination, next: (message) => void run(message) });
    this.#run = run;
  }

  protected override passTraced(message: PubSubMessage, delivery: Delivery): void {
    const traced = this.traced(message, delivery);
    this.runInContext(() => traceHandler(traced, () => this.#run(message)));
  }
}
