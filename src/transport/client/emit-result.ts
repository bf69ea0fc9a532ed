import { Observable, type Subscriber } from 'rxjs';

/**
 * The result of `emit`, with the semantics of Nest's. It is hot: the message is sent whether or not there
 * is a subscriber. It has no replay: a subscriber that comes after the outcome receives completion, or the
 * error. A failure without a subscriber is passed to `onUnobservedFailure`.
 */
export class EmitResult extends Observable<number> {
  #subscribers: Subscriber<number>[] | undefined;
  #state: 'pending' | 'done' | 'failed' = 'pending';
  #error: unknown;
  #isObserved = false;

  constructor(published: Promise<number>, onUnobservedFailure: (error: unknown) => void) {
    super((subscriber) => this.#add(subscriber));
    published.then(
      (receivers) => this.#succeed(receivers),
      (error: unknown) => this.#fail(error, onUnobservedFailure),
    );
  }

  #add(subscriber: Subscriber<number>): void {
    if (this.#state === 'done') subscriber.complete();
    else if (this.#state === 'failed') this.#replayError(subscriber);
    else (this.#subscribers ??= []).push(subscriber);
  }

  #replayError(subscriber: Subscriber<number>): void {
    this.#isObserved = true;
    subscriber.error(this.#error);
  }

  #succeed(receivers: number): void {
    this.#state = 'done';
    for (const subscriber of this.#takeSubscribers()) {
      subscriber.next(receivers);
      subscriber.complete();
    }
  }

  #fail(error: unknown, onUnobserved: (error: unknown) => void): void {
    this.#state = 'failed';
    this.#error = error;
    const subscribers = this.#takeSubscribers().filter((subscriber) => !subscriber.closed);
    for (const subscriber of subscribers) subscriber.error(error);
    this.#isObserved ||= subscribers.length > 0;
    // A failure may come before the subscriber, which may await a promise or two first.
    setImmediate(() => this.#isObserved || onUnobserved(error));
  }

  #takeSubscribers(): Subscriber<number>[] {
    const subscribers = this.#subscribers ?? [];
    this.#subscribers = undefined;
    return subscribers;
  }
}
