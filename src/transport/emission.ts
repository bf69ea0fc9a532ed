import { Observable, type Subscriber } from 'rxjs';

/**
 * What `emit` returns, with the semantics of Nest's: hot (the message is on its way whether anyone
 * subscribes or not) and without replay (a subscriber that comes after the outcome sees completion,
 * or the error). A failure that nobody has subscribed to see goes to `onUnobservedFailure`.
 */
export class Emission extends Observable<number> {
  #subscribers: Subscriber<number>[] | undefined;
  #state: 'pending' | 'done' | 'failed' = 'pending';
  #error: unknown;

  constructor(published: Promise<number>, onUnobservedFailure: (error: unknown) => void) {
    super((subscriber) => this.#attach(subscriber));
    published.then(
      (receivers) => this.#succeed(receivers),
      (error: unknown) => this.#fail(error, onUnobservedFailure),
    );
  }

  #attach(subscriber: Subscriber<number>): void {
    if (this.#state === 'done') subscriber.complete();
    else if (this.#state === 'failed') subscriber.error(this.#error);
    else (this.#subscribers ??= []).push(subscriber);
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
    if (subscribers.length === 0) onUnobserved(error);
    for (const subscriber of subscribers) subscriber.error(error);
  }

  #takeSubscribers(): Subscriber<number>[] {
    const subscribers = this.#subscribers ?? [];
    this.#subscribers = undefined;
    return subscribers;
  }
}
