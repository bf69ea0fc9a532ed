export interface DeliveryCounts {
  readonly emitted: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Arrived after a later notification of the same user. */
  readonly outOfOrder: number;
  /** Arrived on the stream of another user. */
  readonly misdirected: number;
}

/**
 * Records the time and the recipient of each emitted notification, and its arrival. Notifications and users
 * are numbered from 0.
 */
export class Deliveries {
  readonly #emittedAt: Float64Array;
  readonly #recipients: Uint32Array;
  readonly #isDelivered: Uint8Array;
  readonly #lastOfUser: Float64Array;
  readonly #latencies: number[] = [];
  #emitted = 0;
  #duplicated = 0;
  #outOfOrder = 0;
  #misdirected = 0;
  #changedAt = performance.now();

  constructor(notifications: number, users: number) {
    this.#emittedAt = new Float64Array(notifications);
    this.#recipients = new Uint32Array(notifications);
    this.#isDelivered = new Uint8Array(notifications);
    this.#lastOfUser = new Float64Array(users).fill(-1);
  }

  recordEmit(sequence: number, user: number): void {
    this.#recipients[sequence] = user;
    this.#emitted++;
    this.#changedAt = performance.now();
    this.#emittedAt[sequence] = this.#changedAt;
  }

  recordDelivery(sequence: number, user: number): void {
    this.#changedAt = performance.now();
    if (this.#recipients[sequence] !== user) this.#misdirected++;
    else if (this.#isDelivered[sequence] === 1) this.#duplicated++;
    else this.#deliver(sequence, user);
  }

  get isComplete(): boolean {
    return this.#latencies.length === this.#emitted;
  }

  /** Time since the last emitted or delivered notification, in milliseconds. */
  get quietTime(): number {
    return performance.now() - this.#changedAt;
  }

  /** In milliseconds, in ascending order. */
  get latencies(): number[] {
    return this.#latencies.toSorted((one, other) => one - other);
  }

  get counts(): DeliveryCounts {
    const delivered = this.#latencies.length;
    return {
      emitted: this.#emitted,
      delivered,
      lost: this.#emitted - delivered,
      duplicated: this.#duplicated,
      outOfOrder: this.#outOfOrder,
      misdirected: this.#misdirected,
    };
  }

  #deliver(sequence: number, user: number): void {
    this.#isDelivered[sequence] = 1;
    this.#latencies.push(this.#changedAt - (this.#emittedAt[sequence] ?? NaN));
    if (sequence < (this.#lastOfUser[user] ?? -1)) this.#outOfOrder++;
    else this.#lastOfUser[user] = sequence;
  }
}
