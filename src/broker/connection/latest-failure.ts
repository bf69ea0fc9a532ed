import type { Redis } from 'ioredis';
import type { Socket } from 'node:net';
import { messageOf } from '../../errors.js';
import { ConnectAttempt } from './connect-attempt.js';
import { explainFailure, failureOf, type ConnectFailure } from './connect-failure.js';
import { SentinelFailures } from './sentinel-failures.js';

const OF_COMMAND_IN_FLIGHT =
  /^(Ready check failed: )?(Stream isn't writeable|Connection is closed|Reached the max retries)/;

/** Why a connection is not ready: the latest failure, of this attempt to connect or of an earlier one. */
export class LatestFailure {
  /** Explains the failure when it is read: the socket may show more after its first error. */
  #explain: (() => ConnectFailure) | undefined;
  #isOld = true;
  #attempt: ConnectAttempt | undefined;
  #sentinels: SentinelFailures | undefined;

  get value(): ConnectFailure | undefined {
    return this.#explain?.();
  }

  get error(): unknown {
    return this.value?.error;
  }

  /** Whether this attempt has not failed yet. */
  get isOld(): boolean {
    return this.#isOld;
  }

  /**
   * Whether this attempt has failed already, and an error that follows says less: after a reply of Redis each does, and
   * so does what ioredis 5 reports of its own commands in flight.
   */
  isCauseOf(error: unknown): boolean {
    if (this.#isOld) return false;
    return this.value?.isReply === true || OF_COMMAND_IN_FLIGHT.test(messageOf(error));
  }

  startAttempt(): void {
    this.#isOld = true;
    this.#attempt = undefined;
  }

  /** Watches the socket of an attempt: what it shows says more than its error. */
  watchAttempt(socket: Socket): void {
    this.#attempt = new ConnectAttempt(socket);
  }

  /** Watches the sentinels of a client, of which ioredis says little. */
  watchSentinels(client: Redis): void {
    if (client.options.sentinels) this.#sentinels = new SentinelFailures(client);
  }

  /** `wasReady`: the connection was in use. `reported` is `undefined` if it was closed without one. */
  set(reported: unknown, wasReady: boolean): void {
    const error = this.#sentinels ? this.#sentinels.explain(reported) : reported;
    const attempt = this.#attempt;
    this.#explain = () => (wasReady ? failureOf(error) : explainFailure(error, attempt));
    this.#isOld = false;
  }

  /** The connection is ready. */
  clear(): void {
    this.#explain = undefined;
    this.#attempt = undefined;
  }
}
