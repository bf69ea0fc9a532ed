import { Fifo } from '../transport/server/handler-queue.js';

/** How a {@link BoundedIterator} works. */
export interface BoundedIteratorOptions {
  readonly maxWaiting: number;
  readonly overflow: 'drop-oldest' | 'drop-newest' | 'error';
  /** Called with the first `next`. Returns a function that ends what it has begun. */
  readonly open: () => () => void;
  /** Called with each value that is dropped. Returns the error for `overflow: 'error'`. */
  readonly onOverflow: () => Error;
}

type Result<T> = IteratorResult<T, undefined>;

interface Pull<T> {
  readonly resolve: (result: Result<T>) => void;
  readonly reject: (error: unknown) => void;
}

/** An iterator of values that are pushed. A limited number of values waits for the reader. */
export class BoundedIterator<T> implements AsyncIterableIterator<T, undefined> {
  readonly #options: BoundedIteratorOptions;
  readonly #waiting = new Fifo<T>();
  readonly #pulls = new Fifo<Pull<T>>();
  #close: (() => void) | undefined;
  #isOpen = false;
  #isEnded = false;
  /** Is thrown once, when no value waits any more. */
  #failure: { readonly error: unknown } | undefined;

  constructor(options: BoundedIteratorOptions) {
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Result<T>> {
    this.#open();
    if (this.#waiting.length > 0) return { value: this.#waiting.shift() as T, done: false };
    if (!this.#isEnded) {
      return new Promise((resolve, reject) => this.#pulls.push({ resolve, reject }));
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
    return { value: undefined, done: true };
  }

  /** Ends the iterator. Values that wait are dropped. */
  async return(): Promise<Result<T>> {
    this.#clear();
    this.end();
    return { value: undefined, done: true };
  }

  /** As {@link return}, and rejects with the error. */
  async throw(error: unknown): Promise<never> {
    await this.return();
    throw error;
  }

  /** Adds a value. After the end it does nothing. */
  push(value: T): void {
    if (this.#isEnded) return;
    const pull = this.#pulls.shift();
    if (pull) pull.resolve({ value, done: false });
    else if (this.#makeRoom()) this.#waiting.push(value);
  }

  /** There are no more values. Those that wait are read first. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#close?.();
    const first = failure && this.#pulls.shift();
    if (first) first.reject(failure.error);
    else this.#failure = failure;
    for (let pull = this.#pulls.shift(); pull; pull = this.#pulls.shift()) {
      pull.resolve({ value: undefined, done: true });
    }
  }

  #open(): void {
    if (this.#isOpen || this.#isEnded) return;
    this.#isOpen = true;
    const close = this.#options.open();
    this.#close = close;
    // It may have ended within the call.
    if (this.#isEnded) close();
  }

  #makeRoom(): boolean {
    const { maxWaiting, overflow, onOverflow } = this.#options;
    if (this.#waiting.length < maxWaiting) return true;
    const error = onOverflow();
    if (overflow === 'drop-oldest') this.#waiting.shift();
    if (overflow === 'error') {
      this.#clear();
      this.end({ error });
    }
    return overflow === 'drop-oldest';
  }

  #clear(): void {
    this.#waiting.retain(() => false);
    this.#failure = undefined;
  }
}
