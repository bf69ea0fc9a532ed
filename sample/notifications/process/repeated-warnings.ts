/** Time in which a repeated line is counted and not logged, in milliseconds. */
const INTERVAL_MS = 10_000;
/** The number of different lines per interval. */
const MAX_LINES = 20;

/**
 * Logs a line at once, and its repetitions as one line with their number at the end of an interval. Publishers
 * of any number of invalid events cannot flood the log.
 */
export class RepeatedWarnings {
  readonly #log: (line: string) => void;
  /** How often each line of this interval was repeated. */
  readonly #repetitions = new Map<string, number>();
  /** The lines of this interval above the limit of different lines. */
  #others = 0;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  warn(line: string): void {
    const count = this.#repetitions.get(line);
    if (count !== undefined) this.#repetitions.set(line, count + 1);
    else if (this.#repetitions.size >= MAX_LINES) this.#others += 1;
    else this.#logFirst(line);
  }

  #logFirst(line: string): void {
    if (this.#repetitions.size === 0) setTimeout(() => this.#summarize(), INTERVAL_MS).unref();
    this.#repetitions.set(line, 0);
    this.#log(line);
  }

  #summarize(): void {
    const within = `within ${INTERVAL_MS / 1_000} s`;
    const repeated = [...this.#repetitions].filter(([, count]) => count > 0);
    const others = this.#others;
    this.#repetitions.clear();
    this.#others = 0;
    for (const [line, count] of repeated) this.#log(`${line} (${count} more ${within})`);
    if (others > 0) this.#log(`${others} warnings of other kinds ${within} are not shown`);
  }
}
