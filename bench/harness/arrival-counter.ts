import { meter, perMessage, type Usage } from './usage.js';

/** Counts the messages that arrive in this process and measures the CPU time from the first to the last. */
export class ArrivalCounter {
  #expected = 0;
  #seen = 0;
  #read: (() => Usage) | undefined;
  #finish: ((usage: Usage) => void) | undefined;
  #completed: Promise<Usage> | undefined;

  /** Starts a new count that is complete after `count` messages. */
  expect(count: number): void {
    this.#expected = count;
    this.#seen = 0;
    this.#completed = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Counts one message. */
  increment(): void {
    if (this.#seen++ === 0) this.#read = meter();
    if (this.#seen === this.#expected && this.#read) {
      this.#finish?.(perMessage(this.#read(), this.#expected));
    }
  }

  /** Resolves to the usage per message when all expected messages have arrived. */
  completed(): Promise<Usage> {
    if (!this.#completed) throw new Error('Expected "expect" to be called before "completed"');
    return this.#completed;
  }
}
