/** Why there is no answer. */
export interface PollFailure {
  readonly reason: string;
  /** How long until the next attempt, in milliseconds; absent where the application refused the reader. */
  readonly retryMs: number | undefined;
}

/** What a {@link Poller} asks for, and what gets the answers. */
export interface PollerOptions<Answer> {
  readonly url: () => string;
  readonly onAnswer: (answer: Answer) => void;
  readonly onFailure: (failure: PollFailure) => void;
}

const TIMEOUT_MS = 15_000;
const MAX_RETRY_MS = 30_000;

/** Asks for JSON again and again, while the page is visible. */
export class Poller<Answer> {
  #timer = 0;
  #failures = 0;
  #asking: AbortController | undefined;
  #isOn = false;

  constructor(
    private readonly options: PollerOptions<Answer>,
    /** In milliseconds. */
    public interval: number,
  ) {
    document.addEventListener('visibilitychange', () => this.#restart());
    window.addEventListener('online', () => this.#restart());
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Asks at once, and then after each interval. */
  start(): void {
    this.#isOn = true;
    this.#restart();
  }

  stop(): void {
    this.#isOn = false;
    this.#cancel();
  }

  #restart(): void {
    this.#cancel();
    if (this.#isOn && !document.hidden) void this.#ask();
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = undefined;
  }

  async #ask(): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    const timeout = setTimeout(() => asking.abort(new Error('no answer in time')), TIMEOUT_MS);
    const result = await ask<Answer>(this.options.url(), asking.signal);
    clearTimeout(timeout);
    if (this.#asking !== asking) return;
    const waitMs = this.#tell(result);
    if (waitMs !== undefined) this.#timer = window.setTimeout(() => void this.#ask(), waitMs);
  }

  /** Passes the result on. Returns how long to wait, or nothing when asking again does not help. */
  #tell(result: Result<Answer>): number | undefined {
    if ('answer' in result) {
      this.#failures = 0;
      this.options.onAnswer(result.answer);
      return this.interval;
    }
    this.#failures += 1;
    const pauseMs = Math.min(MAX_RETRY_MS, this.interval * 2 ** this.#failures);
    const retryMs = result.isRefused ? undefined : Math.max(result.retryAfterMs, pauseMs);
    this.options.onFailure({ reason: result.reason, retryMs });
    return retryMs;
  }
}

type Result<Answer> =
  | { readonly answer: Answer }
  | {
      readonly reason: string;
      readonly isRefused: boolean;
      readonly retryAfterMs: number;
    };

async function ask<Answer>(url: string, signal: AbortSignal): Promise<Result<Answer>> {
  try {
    const response = await fetch(url, { signal, headers: { accept: 'application/json' } });
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    // A session that is over may lead to a page for signing in.
    const isRefused = [401, 403].includes(response.status) || (response.ok && !isJson);
    if (response.ok && isJson) return { answer: (await response.json()) as Answer };
    const retryAfterMs = 1000 * (Number(response.headers.get('retry-after')) || 0);
    return { reason: `status ${response.status}`, isRefused, retryAfterMs };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { reason, isRefused: false, retryAfterMs: 0 };
  }
}
