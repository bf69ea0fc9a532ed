import { Observable, type Subscriber } from 'rxjs';

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

  now(error: unknown): void {
    this.#failure = { error };
    for (const subscriber of this.#running) subscriber.error(error);
  }
}
