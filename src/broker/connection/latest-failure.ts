import type { Socket } from 'node:net';
import { ConnectAttempt } from './connect-attempt.js';
import { explainFailure, failureOf, type ConnectFailure } from './connect-failure.js';

/** Why a connection is not ready: the latest failure, of this attempt to connect or of an earlier one. */
export class LatestFailure {
  #value: ConnectFailure | undefined;
  #isOld = true;
  #attempt: ConnectAttempt | undefined;

  get value(): ConnectFailure | undefined {
    return this.#value;
  }

  get error(): unknown {
    return this.#value?.error;
  }

  /** Whether this attempt has not failed yet. */
  get isOld(): boolean {
    return this.#isOld;
  }

  /** Whether this attempt has failed by a reply of Redis. */
  get isReply(): boolean {
    return !this.#isOld && this.#value?.isReply === true;
  }

  startAttempt(): void {
    this.#isOld = true;
    this.#attempt = undefined;
  }

  /** Watches the socket of an attempt: what it shows says more than its error. */
  watchAttempt(socket: Socket): void {
    this.#attempt = new ConnectAttempt(socket);
  }

  /** `wasReady`: the connection was in use. `error` is `undefined` if it was closed without one. */
  set(error: unknown, wasReady: boolean): void {
    this.#value = wasReady ? failureOf(error) : explainFailure(error, this.#attempt);
    this.#isOld = false;
  }

  /** The connection is ready. */
  clear(): void {
    this.#value = undefined;
    this.#attempt = undefined;
  }
}
