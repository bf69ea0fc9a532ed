import { runOutside } from './async-context.js';

const MAX_LINES_PER_SECOND = 10;
const SECOND_MS = 1_000;

/**
 * Logs failures that may occur thousands of times a second: at most ten lines a second, then one line
 * with the number of the others. One line for each would keep the process from its work; telemetry
 * reports every failure.
 */
export class RateLimitedLog {
  /** The logs that have failures to count. */
  static readonly #counting = new Set<RateLimitedLog>();

  readonly #write: (line: string) => void;
  readonly #summarize: (count: number) => string;
  readonly #maxLines: number;
  readonly #total: RateLimitedLog | undefined;
  #lines = 0;
  #second: NodeJS.Timeout | undefined;

  /**
   * `summarize` returns the line for `count` further failures. `maxLines` is the number of lines a second. `total`
   * limits all lines of the logs that share it, and counts those beyond its own limit.
   */
  constructor(
    write: (line: string) => void,
    summarize: (count: number) => string,
    maxLines = MAX_LINES_PER_SECOND,
    total?: RateLimitedLog,
  ) {
    this.#write = write;
    this.#summarize = summarize;
    this.#maxLines = maxLines;
    this.#total = total;
  }

  /** Writes the numbers of all logs now: the process may end before their second does. */
  static flush(): void {
    for (const log of this.#counting) log.#endSecond();
  }

  /** Writes a line, or counts it when the limit of this second is reached. */
  add(line: () => string): void {
    if (this.#lines === 0) {
      this.#second = runOutside(() => setTimeout(() => this.#endSecond(), SECOND_MS).unref());
    }
    if (++this.#lines <= this.#maxLines) this.#writeWithin(this.#total, line);
    else RateLimitedLog.#counting.add(this);
  }

  #writeWithin(total: RateLimitedLog | undefined, line: () => string): void {
    if (total) total.add(line);
    else this.#write(line());
  }

  #endSecond(): void {
    clearTimeout(this.#second);
    RateLimitedLog.#counting.delete(this);
    const more = this.#lines - this.#maxLines;
    this.#lines = 0;
    if (more > 0) this.#writeWithin(this.#total, () => this.#summarize(more));
  }
}
