import type { Subscription } from './subscription.js';

/** How long a subscription stays although nobody wants it any more, in milliseconds. */
export const LINGER = 1_000;

/** How many end before the event loop has its turn. */
const AT_ONCE = 1_000;

/**
 * Subscriptions that nobody wants any more, and that somebody may want again in a moment: a page that
 * is reloaded, an observer that comes and goes. What is wanted again in time costs Redis nothing.
 * Whether it is then is for `onEnd` to see.
 */
export class Linger {
  readonly #onEnd: (subscription: Subscription) => void;
  /** Until when each stays; all stay equally long, so the first is the first to go. */
  readonly #ends = new Map<Subscription, number>();
  #isTimed = false;

  constructor(onEnd: (subscription: Subscription) => void) {
    this.#onEnd = onEnd;
  }

  begin(subscription: Subscription): void {
    this.#ends.delete(subscription);
    this.#ends.set(subscription, performance.now() + LINGER);
    if (!this.#isTimed) this.#look(LINGER);
  }

  #look(delay: number): void {
    this.#isTimed = true;
    setTimeout(() => this.#expire(), delay).unref();
  }

  #expire(): void {
    this.#isTimed = false;
    const now = performance.now();
    let ended = 0;
    for (const [subscription, end] of this.#ends) {
      if (end > now) return this.#look(end - now);
      if (++ended > AT_ONCE) return this.#look(0);
      this.#ends.delete(subscription);
      this.#onEnd(subscription);
    }
  }
}
