/** So many lines of one kind are written within a second. */
const MOST_LINES = 10;
const SECOND = 1_000;

/**
 * Writes what may go wrong with each of thousands of messages a second: ten lines a second, and then how
 * many more there were. As many lines as messages would keep the process from its work; who has to know of
 * each has the telemetry.
 */
export class BurstLog {
  readonly #write: (line: string) => void;
  readonly #summarize: (count: number) => string;
  #lines = 0;

  /** `summarize` says in one line what happened so many times more. */
  constructor(write: (line: string) => void, summarize: (count: number) => string) {
    this.#write = write;
    this.#summarize = summarize;
  }

  /** Writes a line, or counts it. */
  add(line: () => string): void {
    if (this.#lines === 0) setTimeout(() => this.#endSecond(), SECOND).unref();
    if (++this.#lines <= MOST_LINES) this.#write(line());
  }

  #endSecond(): void {
    const more = this.#lines - MOST_LINES;
    this.#lines = 0;
    if (more > 0) this.#write(this.#summarize(more));
  }
}
