import { setImmediate } from 'node:timers';
import { runOutside } from '../shared/async-context.js';

/** Taken when the module is loaded, so that fake timers do not hold it. */
const nextTurn = setImmediate;

/** The longest that Node's timers have: longer ones end after one millisecond. */
const MAX_DELAY_MS = 2 ** 31 - 1;

interface Step {
  readonly run: () => void;
  readonly onLost: (() => void) | undefined;
  /** When it may run, as `performance.now` counts. */
  readonly due: number;
  /** When it was added, as `Date.now` counts. */
  readonly since: number;
}

/**
 * Carries what a server answers and delivers over one connection, in order: in a later turn of the event loop, as a network
 * does, or after a delay. The only timer is that of the delay.
 */
export class Wire {
  #steps: Step[] = [];
  #running: Step | undefined;
  #isScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiters: (() => void)[] = [];

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  /** When the oldest step was added that has not run to its end; `undefined` if there is none. */
  get oldestAt(): Date | undefined {
    const oldest = this.#running ?? this.#steps[0];
    return oldest && new Date(oldest.since);
  }

  /** Adds a step. `onLost` is called in its place if the wire is cut before. Neither may throw. */
  add(run: () => void, delayMs = 0, onLost?: () => void): void {
    const last = this.#steps.at(-1)?.due ?? 0;
    const due = delayMs > 0 ? performance.now() + delayMs : 0;
    this.#steps.push({ run, onLost, due: Math.max(due, last), since: Date.now() });
    this.#schedule();
  }

  /** Ends all delays. */
  hurry(): void {
    this.#steps = this.#steps.map((step) => ({ ...step, due: 0 }));
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#schedule();
  }

  /** Drops every step. */
  cut(): void {
    const lost = this.#steps;
    this.#steps = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { onLost } of lost) onLost?.();
    this.#tellWaiters();
  }

  /** Resolves when every step has run. */
  async whenEmpty(): Promise<void> {
    if (this.isEmpty) return;
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  #schedule(): void {
    const [next] = this.#steps;
    if (!next || this.#isScheduled || this.#timer) return;
    const delayMs = next.due - performance.now();
    runOutside(() => (delayMs > 0 ? this.#startTimer(delayMs) : this.#drainSoon()));
  }

  #startTimer(delayMs: number): void {
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#drain();
      },
      Math.min(delayMs, MAX_DELAY_MS),
    );
  }

  #drainSoon(): void {
    this.#isScheduled = true;
    nextTurn(() => {
      this.#isScheduled = false;
      this.#drain();
    });
  }

  #drain(): void {
    const now = performance.now();
    // Steps that these add wait for the next time.
    for (let left = this.#steps.length; left > 0; left--) {
      const [step] = this.#steps;
      // A timer may fire a fraction of a millisecond early.
      if (!step || step.due > now + 1) break;
      this.#steps.shift();
      this.#running = step;
      step.run();
    }
    this.#running = undefined;
    this.#schedule();
    this.#tellWaiters();
  }

  #tellWaiters(): void {
    if (this.isEmpty) for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
