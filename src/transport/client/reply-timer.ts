import { extensionMs } from '../../shared/late-timer.js';
import type { ReplyInbox, ReplyKey } from './reply-inbox.js';

/** What a {@link ReplyTimer} needs to know. */
export interface ReplyTimerOptions {
  /** The subscription that the replies arrive on. */
  readonly replyKey: ReplyKey;
  /** How long to wait, in milliseconds; 0 means no limit. */
  readonly timeoutMs: number;
}

/**
 * Limits the wait for a reply. At the limit, every reply that has arrived is handed on first. If the process was
 * busy at that time, the limit is extended by as much, once.
 */
export class ReplyTimer {
  readonly #inbox: ReplyInbox;
  readonly #options: ReplyTimerOptions;
  readonly #onTimeout: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** Whether the timer has fired, and was not started again since. */
  #isLate = false;
  /** When the timer is due; not a number once it was started again. */
  #due = Number.NaN;

  constructor(inbox: ReplyInbox, options: ReplyTimerOptions, onTimeout: () => void) {
    this.#inbox = inbox;
    this.#options = options;
    this.#onTimeout = onTimeout;
  }

  start(): void {
    const { timeoutMs } = this.#options;
    if (timeoutMs === 0) return;
    this.#due = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => this.#onLate(), timeoutMs);
  }

  /** Waits as long again. Runs for every reply of a stream. */
  restart(): void {
    this.#isLate = false;
    this.#due = Number.NaN;
    this.#timer?.refresh();
  }

  /** Idempotent. */
  stop(): void {
    this.#isLate = false;
    clearTimeout(this.#timer);
  }

  #onLate(): void {
    const extension = extensionMs(performance.now() - this.#due);
    this.#due = Number.NaN;
    this.#isLate = true;
    this.#inbox.whenRead(this.#options.replyKey, () => {
      if (!this.#isLate) return;
      if (extension > 0) this.#timer = setTimeout(() => this.#onLate(), extension);
      else this.#onTimeout();
    });
  }
}
