import type { Subscriber } from 'rxjs';
import {
  MessageObserver,
  type Observation,
  type ObserverScope,
  type PubSubMessage,
} from './message-observer.js';

/** Hands messages to a subscriber of RxJS. */
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

  override end(): void {
    this.subscriber.complete();
  }
}

/** Calls a function with each message; it must not throw. */
export class HandlerObserver extends MessageObserver {
  constructor(
    scope: ObserverScope,
    observation: Observation,
    private readonly handle: (message: PubSubMessage) => void,
  ) {
    super(scope, observation);
  }

  protected override next(message: PubSubMessage): void {
    this.handle(message);
  }

  override end(): void {
    this.unsubscribe();
  }
}
