import type { Delivery, DeliveryListener } from '../broker.js';

/** Several listeners of one subscription. */
export class ListenerGroup {
  readonly #members: Set<DeliveryListener>;
  /** The members, until they change. */
  #snapshot: readonly DeliveryListener[] | undefined;

  constructor(members: Iterable<DeliveryListener>) {
    this.#members = new Set(members);
  }

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  get members(): readonly DeliveryListener[] {
    return (this.#snapshot ??= [...this.#members]);
  }

  add(listener: DeliveryListener): void {
    this.#members.add(listener);
    this.#snapshot = undefined;
  }

  remove(listener: DeliveryListener): void {
    this.#members.delete(listener);
    this.#snapshot = undefined;
  }

  onDelivery(delivery: Delivery): void {
    // A listener that another one adds while it hears a message must not hear this message too:
    // `observe(x).pipe(take(1), repeat())` would go round for ever.
    const { members } = this;
    for (const listener of members) {
      const isStillThere = members === this.#snapshot || this.#members.has(listener);
      if (isStillThere) listener.onDelivery(delivery);
    }
  }
}
