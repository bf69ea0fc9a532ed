import { runOutside } from '../shared/async-context.js';
import { extensionMs } from '../shared/late-timer.js';

/** A limit of time that can begin again. A busy process reads first what has arrived. */
export class Deadline {
  readonly #onReached: () => void;
  #timer: NodeJS.Timeout | undefined;
  #lengthMs = 0;
  #since = 0;
  #isExtended = false;

  /** `onReached` is called when the limit is reached, unless it began again or was cancelled. */
  constructor(onReached: () => void) {
    this.#onReached = onReached;
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  /** Begins, also if it runs already. */
  start(lengthMs: number): void {
    this.cancel();
    this.#lengthMs = lengthMs;
    this.#since = performance.now();
    this.#isExtended = false;
    this.#schedule(lengthMs);
  }

  /** Begins again, if it runs. */
  renew(): void {
    if (!this.#timer) return;
    this.#since = performance.now();
    if (this.#isExtended) this.start(this.#lengthMs);
    else this.#timer.refresh();
  }

  /** Idempotent. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(delayMs: number): void {
    this.#timer = runOutside(() => setTimeout(() => this.#onTimer(), delayMs).unref());
  }

  #onTimer(): void {
    const lateMs = performance.now() - this.#since - this.#lengthMs;
    const extension = this.#isExtended ? 0 : extensionMs(lateMs);
    if (extension > 0) {
      this.#isExtended = true;
      this.#schedule(extension);
      return;
    }
    this.#timer = undefined;
    this.#onReached();
  }
}
