import { runOutside } from '../shared/async-context.js';

/** How long the answers of other servers may take. */
const MAX_WAIT_MS = 1_000;

/**
 * Waits until a server knows the others of its namespace. It asks for them when it is subscribed: before they have answered,
 * it would leave out their sockets.
 */
export class ServerCount {
  #expected = 0;
  #resolve: (() => void) | undefined;

  /** Whether {@link onCount} is to be called for each message. */
  get isWaiting(): boolean {
    return this.#resolve !== undefined;
  }

  /** Resolves when so many servers are known, or after a second: another client may hear the question, and be no server. */
  reaches(expected: number, known: number): Promise<void> {
    this.stop();
    if (known >= expected) return Promise.resolve();
    this.#expected = expected;
    return new Promise((resolve) => {
      const timer = runOutside(() => setTimeout(() => this.stop(), MAX_WAIT_MS).unref());
      this.#resolve = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** So many servers are known now, this one included. */
  onCount(count: number): void {
    if (count >= this.#expected) this.stop();
  }

  /** Ends the wait. */
  stop(): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.();
  }
}
