import { Observable, type Subscriber } from 'rxjs';

/** Fails every stream that runs, once. Not a `Subject`: to leave one takes as long as there are others in it. */
export class StreamCut {
  readonly #running = new Set<Subscriber<never>>();

  /** Fails when the streams have to stop. */
  readonly cut$ = new Observable<never>((subscriber) => {
    this.#running.add(subscriber);
    return () => this.#running.delete(subscriber);
  });

  now(error: unknown): void {
    for (const subscriber of this.#running) subscriber.error(error);
  }
}
