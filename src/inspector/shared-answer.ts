/** How often a {@link SharedAnswer} is asked for. */
export interface AnswerLimits {
  /** How long an answer counts, in milliseconds. */
  readonly maxAgeMs: number;
  /** An answer that took long counts for at least this many times as long. */
  readonly timesTook: number;
  /** The time in milliseconds, of a clock that never goes back. */
  readonly now?: () => number;
}

/** The answer to a question that many ask: it is asked once, and again when the answer has become too old. */
export class SharedAnswer<T> {
  #answer: Promise<T> | undefined;
  #until = 0;

  constructor(
    private readonly ask: () => Promise<T>,
    private readonly limits: AnswerLimits,
  ) {}

  get(): Promise<T> {
    const { maxAgeMs, timesTook, now = () => performance.now() } = this.limits;
    const askedAt = now();
    if (this.#answer && askedAt < this.#until) return this.#answer;
    this.#until = Infinity;
    this.#answer = this.ask().finally(() => {
      this.#until = askedAt + Math.max(maxAgeMs, timesTook * (now() - askedAt));
    });
    return this.#answer;
  }
}
