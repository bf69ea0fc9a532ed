import type { Subscriber } from 'rxjs';
import type { SubscriptionWaiter } from '../broker/broker.js';
import {
  MessageObserver,
  type Observation,
  type ObserverScope,
  type PubSubMessage,
} from './message-observer.js';

/** Passes messages to an RxJS subscriber. */
export class SubscriberObserver extends MessageObserver {
  constructor(
    scope: ObserverScope,
    observation: Observation,
    private readonly subscriber: Subscriber<PubSubMessage>,
  ) {
    super(scope, observation);
  }

  protected override next(message: PubSubMessage): void {
    this.subscriber.next(message);
  }

  override onFailed(error: unknown): void {
    this.subscriber.error(error);
  }

  override complete(): void {
    this.subscriber.complete();
  }
}

/** The functions that a {@link HandlerObserver} calls. They must not throw. */
export interface ObserverCallbacks extends SubscriptionWaiter {
  handle(message: PubSubMessage): void;
}

/** Calls a function with each message. */
export class HandlerObserver extends MessageObserver {
  constructor(
    scope: ObserverScope,
    observation: Observation,
    private readonly callbacks: ObserverCallbacks,
  ) {
    super(scope, observation);
  }

  override onSubscribed(): void {
    super.onSubscribed();
    this.callbacks.onSubscribed();
  }

  override onFailed(error: unknown): void {
    this.unsubscribe();
    this.callbacks.onFailed(error);
  }

  protected override next(message: PubSubMessage): void {
    this.callbacks.handle(message);
  }

  override complete(): void {
    this.unsubscribe();
  }
}
