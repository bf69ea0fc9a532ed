import type { Redis } from 'ioredis';
import { TimeLimit } from './time-limit.js';

/** When a {@link ReadyWait} gives up. */
export interface ReadyWaitOptions {
  /** How long attempts may go on, in milliseconds; with 0 there is one attempt. */
  readonly timeoutMs: number;
  /** Whether no further attempt will be made. */
  readonly hasEnded: () => boolean;
  /** Whether further attempts would fail like the last one. */
  readonly isHopeless: () => boolean;
  /** Whether an attempt may still succeed after one that did not open a socket. */
  readonly mayOpenSocketLater: boolean;
}

/**
 * Whether commands can be sent. ioredis 5 says "ready", too, of a connection whose login was refused, and
 * that it is closing.
 */
export function isReady({ status, stream }: Redis): boolean {
  return status === 'ready' && stream.writable;
}

/** Waits until a client is ready, or until there is no reason to wait any longer. */
export class ReadyWait {
  /** Resolves to whether the client is ready. */
  readonly outcome: Promise<boolean>;
  readonly #client: Redis;
  readonly #options: ReadyWaitOptions;
  readonly #limit: TimeLimit | undefined;
  #resolve!: (isReady: boolean) => void;
  #hadSocket = false;

  constructor(client: Redis, options: ReadyWaitOptions) {
    this.#client = client;
    this.#options = options;
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const { timeoutMs } = options;
    if (timeoutMs > 0) {
      this.#limit = new TimeLimit(
        timeoutMs,
        () => client.stream,
        () => this.cancel(),
      );
    }
    for (const [event, listener] of this.#listeners) client.on(event, listener);
  }

  /** Ends the wait: the client is not ready. */
  cancel(): void {
    this.#settle(false);
  }

  readonly #listeners = [
    ['ready', (): void => this.#onReady()],
    ['error', (): void => this.#onError()],
    ['close', (): void => this.#onClose()],
    ['end', (): void => this.#onEnd()],
  ] as const;

  #settle(isReady: boolean): void {
    this.#limit?.cancel();
    for (const [event, listener] of this.#listeners) this.#client.off(event, listener);
    this.#resolve(isReady);
  }

  #onReady(): void {
    if (isReady(this.#client)) this.#settle(true);
  }

  get #isSingleAttempt(): boolean {
    return this.#options.timeoutMs === 0;
  }

  /** When no sentinel answers, ioredis emits nothing but an error. */
  #onError(): void {
    if (this.#isSingleAttempt && this.#client.status === 'connecting') this.cancel();
  }

  #onClose(): void {
    this.#hadSocket = true;
    if (this.#isSingleAttempt || this.#options.isHopeless()) this.cancel();
  }

  /** Further attempts of a client that did not even open a socket would fail in the same way. */
  #onEnd(): void {
    const { hasEnded, mayOpenSocketLater } = this.#options;
    const isHopeless = !this.#hadSocket && !mayOpenSocketLater;
    if (this.#isSingleAttempt || hasEnded() || isHopeless) this.cancel();
  }
}

/** Says how far the attempt of a client got that was not ready within `timeoutMs` milliseconds. */
export function unreadyReason({ status, stream }: Redis, timeoutMs: number): string {
  const within = `within ${timeoutMs} ms`;
  if (status === 'end') return 'the connection has ended';
  if (status === 'connect') {
    const what = stream.bytesRead === 0 ? 'no answer to the first command' : 'not ready';
    return `connected, but ${what} ${within}`;
  }
  if (status === 'connecting' && isShakingHands(stream)) {
    return `connected, but the TLS handshake has not ended ${within}; check whether this port expects TLS`;
  }
  return `no attempt to connect has ended ${within}`;
}

/** ioredis reports that it has connected only after the TLS handshake. */
function isShakingHands(stream: Redis['stream'] | undefined): boolean {
  return stream !== undefined && 'encrypted' in stream && stream.remotePort !== undefined;
}
