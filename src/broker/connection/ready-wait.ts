import type { Redis } from 'ioredis';

export interface ReadyWaitOptions {
  /** How long attempts may go on, in milliseconds; with 0 there is one. */
  readonly patience: number;
  /** Whether no further attempt will be made. */
  readonly hasEnded: () => boolean;
  /** Whether further attempts will fare no better than the last one. */
  readonly isHopeless: () => boolean;
  /** Whether attempts that do not come to a socket may fare better later. */
  readonly mayComeToSocket: boolean;
}

/** Waits until a client is ready, or not worth waiting for. */
export class ReadyWait {
  /** Resolves to whether it is ready. */
  readonly outcome: Promise<boolean>;
  readonly #client: Redis;
  readonly #options: ReadyWaitOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  #resolve!: (isReady: boolean) => void;
  #hadSocket = false;

  constructor(client: Redis, options: ReadyWaitOptions) {
    this.#client = client;
    this.#options = options;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const { patience } = options;
    this.#timer = patience > 0 ? setTimeout(() => this.abandon(), patience) : undefined;
    for (const [event, listener] of this.#listeners) client.on(event, listener);
  }

  /** Waits no longer. */
  abandon(): void {
    this.#settle(false);
  }

  readonly #listeners = [
    ['ready', (): void => this.#settle(true)],
    ['error', (): void => this.#onError()],
    ['close', (): void => this.#onClose()],
    ['end', (): void => this.#onEnd()],
  ] as const;

  #settle(isReady: boolean): void {
    clearTimeout(this.#timer);
    for (const [event, listener] of this.#listeners) this.#client.off(event, listener);
    this.#resolve(isReady);
  }

  get #isOnlyAttempt(): boolean {
    return this.#options.patience === 0;
  }

  /** Nothing else tells of a round of questions that no sentinel has answered. */
  #onError(): void {
    if (this.#isOnlyAttempt && this.#client.status === 'connecting') this.abandon();
  }

  #onClose(): void {
    this.#hadSocket = true;
    if (this.#isOnlyAttempt || this.#options.isHopeless()) this.abandon();
  }

  /** Attempts may go on, but none of them fares any better where it did not come to a socket. */
  #onEnd(): void {
    const { hasEnded, mayComeToSocket } = this.#options;
    const isInVain = !this.#hadSocket && !mayComeToSocket;
    if (this.#isOnlyAttempt || hasEnded() || isInVain) this.abandon();
  }
}
