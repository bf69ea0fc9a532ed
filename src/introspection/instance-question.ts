import { ConnectionError } from '../errors.js';

/** An answer, as it was read: which instance it is from, by its id. */
interface Answer {
  readonly id: string;
}

/** What the instances have answered. */
export interface Answers<Instance> {
  readonly instances: readonly Instance[];
  /** How many have not answered in time; `undefined` where Redis does not tell. */
  readonly silent: number | undefined;
}

/** A question that goes on, whatever is asked. */
export interface OpenQuestion {
  /** Redis has published the question. */
  onAsked(): void;
  /** So many instances have received it. */
  expect(instances: number): void;
  /** Takes an answer, if it is one. */
  add(value: unknown): void;
  fail(error: unknown): void;
}

/** More answers than any fleet has: the others come from a client that forges them. */
const MAX_INSTANCES = 10_000;

/** One question, from its beginning until all have answered or its time is over. Settles once, at the latest in `timeoutMs`. */
export class InstanceQuestion<Instance extends Answer> implements OpenQuestion {
  readonly answers: Promise<Answers<Instance>>;
  readonly #read: (value: unknown) => Instance | undefined;
  readonly #instances = new Map<string, Instance>();
  readonly #timer: NodeJS.Timeout;
  #settle!: (answers: Answers<Instance>) => void;
  #fail!: (error: unknown) => void;
  #isAsked = false;
  #expected: number | undefined;

  /**
   * `read` returns the answer in a value of any client. At the end of the time, `whenRead` calls back when the answers that
   * have arrived are read.
   */
  constructor(
    timeoutMs: number,
    read: (value: unknown) => Instance | undefined,
    whenRead: (onRead: () => void) => void,
  ) {
    this.#read = read;
    this.answers = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    this.#timer = setTimeout(() => {
      if (this.#isAsked) whenRead(() => this.#finish());
      else this.fail(new ConnectionError(`Redis did not take the question within ${timeoutMs} ms`));
    }, timeoutMs);
  }

  onAsked(): void {
    this.#isAsked = true;
  }

  expect(instances: number): void {
    this.#expected = instances;
    this.#finishIfComplete();
  }

  add(value: unknown): void {
    const instance = this.#read(value);
    if (!instance || this.#instances.size >= MAX_INSTANCES) return;
    this.#instances.set(instance.id, instance);
    this.#finishIfComplete();
  }

  fail(error: unknown): void {
    clearTimeout(this.#timer);
    this.#fail(error);
  }

  #finishIfComplete(): void {
    if (this.#expected !== undefined && this.#instances.size >= this.#expected) this.#finish();
  }

  #finish(): void {
    clearTimeout(this.#timer);
    const instances = [...this.#instances.values()];
    const expected = this.#expected;
    const silent = expected === undefined ? undefined : Math.max(expected - instances.length, 0);
    this.#settle({ instances, silent });
  }
}
