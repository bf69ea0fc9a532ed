import { extensionMs } from '../../shared/late-timer.js';
import { whenReadDry, type CountedStream } from './read-dry.js';

/**
 * A limit for how long the other end may take. When it is reached, everything that has arrived is read and
 * handled first. If the process was busy at that time, the limit is extended by as much, once: an answer may
 * need a further step of this process.
 */
export class TimeLimit {
  readonly #socketOf: () => CountedStream | undefined;
  readonly #onReached: () => void;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Starts at once. `socketOf` returns the socket that an answer would arrive at, if there is one. `onReached` is
   * called once, unless the limit is cancelled.
   */
  constructor(limitMs: number, socketOf: () => CountedStream | undefined, onReached: () => void) {
    this.#socketOf = socketOf;
    this.#onReached = onReached;
    this.#start(limitMs, true);
  }

  /** Ends it: `onReached` is not called. Idempotent. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(limitMs: number, mayExtend: boolean): void {
    const due = performance.now() + limitMs;
    const timer = setTimeout(() => {
      const extension = mayExtend ? extensionMs(performance.now() - due) : 0;
      whenReadDry(this.#socketOf(), () => {
        if (timer !== this.#timer) return;
        this.#timer = undefined;
        if (extension > 0) this.#start(extension, false);
        else this.#onReached();
      });
    }, limitMs);
    this.#timer = timer;
  }
}
