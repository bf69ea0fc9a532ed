/** How often questions may be asked. */
export interface FairLimits {
  /** How long an answer counts, in milliseconds. */
  readonly maxAgeMs: number;
  /** After a question, none is asked for this many times as long as it took. */
  readonly restTimes: number;
  /** Who asks waits this long at most, and then gets the answer before. */
  readonly maxWaitMs: number;
  /** How many questions are known at the same time. */
  readonly maxKeys: number;
}

/** One question, and its answers. */
interface Entry<T> {
  readonly key: string;
  last?: T;
  until: number;
  /** Resolves to the answer that is being asked for. */
  next?: Promise<T> | undefined;
}

/**
 * The answers to different questions that cost the same server. They are asked one after the other, the one that waits for
 * the longest time first, with a rest between two. So all questions together take no more of its time than one may.
 */
export class FairAnswers<T> {
  readonly #entries = new Map<string, Entry<T>>();
  #turn: Promise<void> = Promise.resolve();
  /** No question is asked before, by the clock that never goes back. */
  #restsUntil = 0;

  /** `ask` must not reject. `none` is the answer where there is none yet. */
  constructor(
    private readonly ask: (key: string) => Promise<T>,
    private readonly none: T,
    private readonly limits: FairLimits,
  ) {}

  /** Resolves within `maxWaitMs`. */
  async get(key: string): Promise<T> {
    const entry = this.#entries.get(key) ?? this.#add(key);
    if (!entry) return this.none;
    const now = performance.now();
    if (entry.last !== undefined && now < entry.until) return entry.last;
    entry.next ??= this.#askInTurn(entry);
    const { maxWaitMs } = this.limits;
    if (now + maxWaitMs < this.#restsUntil) return entry.last ?? this.none;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<T>((resolve) => {
      timer = setTimeout(() => resolve(entry.last ?? this.none), maxWaitMs).unref();
    });
    return Promise.race([entry.next, timeout]).finally(() => clearTimeout(timer));
  }

  /** Removes the oldest one that is not being asked. Returns nothing if there is none. */
  #add(key: string): Entry<T> | undefined {
    if (this.#entries.size >= this.limits.maxKeys) {
      const oldest = [...this.#entries.values()].find(({ next }) => !next);
      if (!oldest) return undefined;
      this.#entries.delete(oldest.key);
    }
    const entry = { key, until: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  async #askInTurn(entry: Entry<T>): Promise<T> {
    const before = this.#turn;
    let endTurn!: () => void;
    this.#turn = new Promise((resolve) => {
      endTurn = resolve;
    });
    await before;
    const askedAt = performance.now();
    const answer = await this.ask(entry.key);
    const { maxAgeMs, restTimes } = this.limits;
    const answeredAt = performance.now();
    const restMs = restTimes * (answeredAt - askedAt);
    this.#restsUntil = answeredAt + restMs;
    setTimeout(endTurn, restMs).unref();
    entry.last = answer;
    entry.until = askedAt + maxAgeMs;
    entry.next = undefined;
    return answer;
  }
}
