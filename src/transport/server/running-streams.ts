import { Observable, takeUntil, type Subscriber } from 'rxjs';
import { forEachSafely } from '../../shared/for-each-safely.js';

/** Fails every running stream at a shutdown. Not a `Subject`: leaving one takes as long as it has subscribers. */
export class RunningStreams {
  readonly #running = new Set<Subscriber<never>>();
  #failure: { readonly error: unknown } | undefined;

  /** Fails when the streams have to end; for `takeUntil`. */
  readonly failure$ = new Observable<never>((subscriber) => {
    if (this.#failure) return subscriber.error(this.#failure.error);
    this.#running.add(subscriber);
    return () => this.#running.delete(subscriber);
  });

  /** Runs the stream of an event handler to its end. Rejects with its error. */
  consume(stream: Observable<unknown>): Promise<undefined> {
    return new Promise((resolve, reject) => {
      stream
        .pipe(takeUntil(this.failure$))
        .subscribe({ error: reject, complete: () => resolve(undefined) });
    });
  }

  /** Fails all streams, and those that begin later. `onThrown` receives what a teardown throws. */
  fail(error: unknown, onThrown: (thrown: unknown) => void): void {
    this.#failure = { error };
    forEachSafely(this.#running, (subscriber) => subscriber.error(error), onThrown);
  }
}
