import { isObservable, Subject, takeUntil, type Observable } from 'rxjs';
import { InvalidOptionError } from '../errors.js';
import { withoutText } from '../shared/clean-error.js';
import { toError } from '../shared/to-error.js';
import type { StreamSource } from './resumable-options.js';

/** How many chunks of an Observable may wait, and its failure when there are more. */
export interface HeldLimit {
  readonly maxHeld: number;
  readonly tooMany: () => Error;
}

/** Returns a value that may be the source of a stream. Throws `InvalidOptionError` otherwise. */
export function checkSource<T>(source: unknown): StreamSource<T> {
  if (typeof source === 'function' || isOpenSource<T>(source)) return source as StreamSource<T>;
  throw new InvalidOptionError(
    'source',
    'an AsyncIterable, an Observable, or a function that returns one',
    withoutText(source),
  );
}

/**
 * Opens a source. Throws what its function throws. The chunks of an Observable, which does not wait, are held until they
 * are asked for. It is unsubscribed, and fails with `tooMany`, when more than `maxHeld` of them wait.
 */
export function iterateSource<T>(
  source: StreamSource<T>,
  signal: AbortSignal,
  limit: HeldLimit,
): AsyncIterator<T> {
  const opened: unknown = typeof source === 'function' ? source(signal) : source;
  if (!isOpenSource<T>(opened)) {
    const expected = 'a function that returns an AsyncIterable or an Observable';
    throw new InvalidOptionError('source', expected, withoutText(opened));
  }
  return isObservable(opened) ? new HeldChunks(opened, limit) : opened[Symbol.asyncIterator]();
}

function isOpenSource<T>(value: unknown): value is AsyncIterable<T> | Observable<T> {
  if (isObservable(value)) return true;
  if (typeof value !== 'object' || value === null) return false;
  return typeof Reflect.get(value, Symbol.asyncIterator) === 'function';
}

/** How the source of {@link HeldChunks} has ended. */
interface SourceEnd {
  readonly error?: unknown;
  readonly hasFailed: boolean;
}

/** The chunks of an Observable that were not asked for yet. One call of `next` waits at a time. */
class HeldChunks<T> implements AsyncIterator<T> {
  readonly #held: T[] = [];
  /** Also ends a source that emits everything within the subscription. */
  readonly #over = new Subject<void>();
  #end: SourceEnd | undefined;
  #wake: (() => void) | undefined;

  constructor(source: Observable<T>, { maxHeld, tooMany }: HeldLimit) {
    source.pipe(takeUntil(this.#over)).subscribe({
      next: (chunk) => {
        if (this.#held.push(chunk) > maxHeld) this.#finish({ error: tooMany(), hasFailed: true });
        else this.#wake?.();
      },
      error: (error: unknown) => this.#finish({ error, hasFailed: true }),
      complete: () => this.#finish({ hasFailed: false }),
    });
  }

  async next(): Promise<IteratorResult<T>> {
    for (;;) {
      if (this.#held.length > 0) return { done: false, value: this.#held.shift() as T };
      if (this.#end?.hasFailed) throw toError(this.#end.error);
      if (this.#end) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#held.length = 0;
    this.#finish({ hasFailed: false });
    return { done: true, value: undefined };
  }

  #finish(end: SourceEnd): void {
    this.#end ??= end;
    this.#over.next();
    this.#wake?.();
  }
}
