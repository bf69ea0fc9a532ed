import type { SubscriptionKey } from '../../channel/subscription-key.js';
import { runOutside } from '../../shared/async-context.js';
import type { DeliveryListener } from '../broker.js';
import type { SubscriptionRegistry } from './subscription-registry.js';
import type { Subscription } from './subscription.js';

/** How long a subscription is kept after its last listener. */
const UNSUBSCRIBE_DELAY_MS = 1_000;

/** How many subscriptions end in one turn of the event loop. */
const MAX_PER_TURN = 1_000;

/**
 * Keeps subscriptions for a moment after their last listener: a page is reloaded, an observer is replaced.
 * A subscription that has a listener again by then costs Redis nothing. `onExpired` decides that.
 */
export class UnsubscribeDelay {
  readonly #onExpired: (subscription: Subscription) => void;
  /** When each expires. All delays are equal, so that the first one expires first. */
  readonly #expiries = new Map<Subscription, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(onExpired: (subscription: Subscription) => void) {
    this.#onExpired = onExpired;
  }

  /** Removes a listener. A subscription without listeners expires after the delay with `isDelayed`, and else at once. */
  removeListener(
    registry: SubscriptionRegistry,
    key: SubscriptionKey,
    listener: DeliveryListener,
    isDelayed: boolean,
  ): void {
    const subscription = registry.removeListener(key, listener);
    if (!subscription) return;
    const { hasListeners, state } = subscription;
    if (isDelayed && !hasListeners && state === 'subscribed') this.start(subscription);
    else this.#onExpired(subscription);
  }

  /** Starts the delay of a subscription, or starts it again. */
  start(subscription: Subscription): void {
    this.#expiries.delete(subscription);
    this.#expiries.set(subscription, performance.now() + UNSUBSCRIBE_DELAY_MS);
    if (!this.#timer) this.#setTimer(UNSUBSCRIBE_DELAY_MS);
  }

  /** No subscription expires any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#expiries.clear();
  }

  #setTimer(delayMs: number): void {
    this.#timer = runOutside(() => setTimeout(() => this.#expire(), delayMs).unref());
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    let expired = 0;
    for (const [subscription, expiry] of this.#expiries) {
      if (expiry > now) return this.#setTimer(expiry - now);
      if (++expired > MAX_PER_TURN) return this.#setTimer(0);
      this.#expiries.delete(subscription);
      this.#onExpired(subscription);
    }
  }
}
