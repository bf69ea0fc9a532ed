/** While each tick has one of something, it goes out at once; what comes together waits for the end of its tick. */
export class LoneFirst {
  /** How many came in this tick. */
  #count = 0;
  #wasAlone = true;
  readonly #onTickEnd: () => void;

  /** `onTickEnd`: called at the end of each tick in which something came. */
  constructor(onTickEnd: () => void) {
    this.#onTickEnd = onTickEnd;
  }

  /** One more has come. Returns whether it is to go out at once. */
  add(): boolean {
    if (this.#count++ > 0) return false;
    process.nextTick(() => this.#endTick());
    return this.#wasAlone;
  }

  #endTick(): void {
    this.#wasAlone = this.#count === 1;
    this.#count = 0;
    this.#onTickEnd();
  }
}
