import { Observable, Subscription, throwError, type Observer, type Unsubscribable } from 'rxjs';

/** What a user passes to `subscribe`: one callback, or some of the three. */
type Callbacks<T> = Partial<Observer<T>> | ((value: T) => void);

/** Starts to call a destination. Returns what ends that. */
type Start<T> = (destination: Observer<T>) => Unsubscribable;

/**
 * An Observable that needs one object for each subscription. RxJS needs five, of 336 bytes, and half of these are
 * free space in a list with one element. A process may hold half a million.
 */
export class LeanObservable<T> extends Observable<T> {
  readonly #start: Start<T>;

  constructor(start: Start<T>) {
    super(start);
    this.#start = start;
  }

  override subscribe(callbacks?: Callbacks<T>): Subscription;
  /** The form that RxJS has deprecated. */
  override subscribe(
    next?: ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription;
  override subscribe(
    callbacks?: Callbacks<T> | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    if (error || complete || !isPlain(callbacks)) {
      return super.subscribe(callbacks as (value: T) => void, error, complete);
    }
    const subscription = new CallbackSubscription(callbacks);
    subscription.start(this.#start);
    return subscription;
  }
}

/** Whether they are callbacks, and not a subscriber of RxJS, as an operator passes it. */
function isPlain<T>(callbacks: Callbacks<T> | null | undefined): callbacks is Callbacks<T> {
  return typeof callbacks === 'function' || (!!callbacks && !('closed' in callbacks));
}

/** Calls a user's callbacks as RxJS does: none after the end, and an error that one throws is reported in a later tick. */
class CallbackSubscription<T> extends Subscription implements Observer<T> {
  /** `undefined` after the end. */
  private callbacks: Callbacks<T> | undefined;
  private started: Unsubscribable | undefined;

  constructor(callbacks: Callbacks<T>) {
    super();
    this.callbacks = callbacks;
    this.started = undefined;
  }

  start(start: Start<T>): void {
    try {
      this.started = start(this);
    } catch (error) {
      this.error(error);
    }
    if (this.closed) this.started?.unsubscribe();
  }

  next(value: T): void {
    const { callbacks } = this;
    try {
      if (typeof callbacks === 'function') callbacks(value);
      else callbacks?.next?.(value);
    } catch (error) {
      reportUnhandled(error);
    }
  }

  error(error: unknown): void {
    this.end((callbacks) => {
      if (callbacks.error) callbacks.error(error);
      else reportUnhandled(error);
    });
  }

  complete(): void {
    this.end((callbacks) => callbacks.complete?.());
  }

  override unsubscribe(): void {
    if (this.closed) return;
    this.callbacks = undefined;
    this.started?.unsubscribe();
    super.unsubscribe();
  }

  private end(call: (callbacks: Partial<Observer<T>>) => void): void {
    const { callbacks } = this;
    if (!callbacks) return;
    this.callbacks = undefined;
    try {
      call(typeof callbacks === 'function' ? {} : callbacks);
    } catch (error) {
      reportUnhandled(error);
    }
    this.unsubscribe();
  }
}

/** Has RxJS report it: uncaught, or to its `config.onUnhandledError`. */
function reportUnhandled(error: unknown): void {
  throwError(() => error).subscribe();
}

/** Completes a destination. Not at once: an application that observes again at each completion would never end. */
export function completeSoon(destination: Pick<Observer<never>, 'complete'>): Unsubscribable {
  const soon = setImmediate(() => destination.complete()).unref();
  return { unsubscribe: () => clearImmediate(soon) };
}
