/**
 * Groups what is added within one tick of the event loop. While each tick adds one item, that item is sent at
 * once; the items of a tick that adds several wait for its end.
 */
export class TickBatch {
  readonly #onTickEnd: () => void;
  #count = 0;
  #wasSingle = true;

  /** `onTickEnd` is called at the end of each tick in which something was added. */
  constructor(onTickEnd: () => void) {
    this.#onTickEnd = onTickEnd;
  }

  /** Counts one item. Returns whether to send it at once: the first of its tick, after a tick with one item. */
  add(): boolean {
    if (this.#count++ > 0) return false;
    process.nextTick(() => this.#endTick());
    return this.#wasSingle;
  }

  #endTick(): void {
    this.#wasSingle = this.#count === 1;
    this.#count = 0;
    this.#onTickEnd();
  }
}
