import { meter, perMessage, type Usage } from './usage.js';

/** Counts messages that arrive in this process, and what they take from the first to the last. */
export class Arrivals {
  #expected = 0;
  #seen = 0;
  #read: (() => Usage) | undefined;
  #finish: ((usage: Usage) => void) | undefined;
  #finished: Promise<Usage> | undefined;

  /** How many have arrived of those that are expected. */
  get seen(): number {
    return this.#seen;
  }

  /** Forgets what was, and expects so many. */
  expect(count: number): void {
    this.#expected = count;
    this.#seen = 0;
    this.#finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** One more has arrived. */
  note(): void {
    if (this.#seen++ === 0) this.#read = meter();
    if (this.#seen === this.#expected && this.#read) {
      this.#finish?.(perMessage(this.#read(), this.#expected));
    }
  }

  /** What one message took, when all that were expected have arrived. */
  finished(): Promise<Usage> {
    if (!this.#finished) throw new Error('Expected "expect" to be called before "finished"');
    return this.#finished;
  }
}
