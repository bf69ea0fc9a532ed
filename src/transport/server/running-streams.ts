import { Observable, takeUntil, type Subscriber } from 'rxjs';
import { eachDespite } from '../../shared/for-each-safely.js';

/** Fails every stream that runs, or comes later. Not a `Subject`: to leave one takes as long as there are others in it. */
export class StreamCut {
  readonly #running = new Set<Subscriber<never>>();
  #failure: { readonly error: unknown } | undefined;

  /** Fails when the streams have to stop. */
  readonly cut$ = new Observable<never>((subscriber) => {
    if (this.#failure) return subscriber.error(this.#failure.error);
    this.#running.add(subscriber);
    return () => this.#running.delete(subscriber);
  });

  /** Lets a stream whose values nobody wants run to its end; rejects with what it fails with. */
  consume(stream: Observable<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      stream.pipe(takeUntil(this.cut$)).subscribe({ error: reject, complete: resolve });
    });
  }

  /** `onThrown`: what the teardown of a stream threw. */
  now(error: unknown, onThrown: (thrown: unknown) => void): void {
    this.#failure = { error };
    eachDespite(this.#running, (subscriber) => subscriber.error(error), onThrown);
  }
}
