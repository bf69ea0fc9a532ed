import { messageOf } from '../../errors.js';
import { telemetry } from '../../telemetry.js';
import type { BrokerLog } from '../broker.js';

/** Which connection an {@link OutageLog} is about. */
export interface OutageLogOptions {
  readonly role: 'publisher' | 'subscriber';
  readonly log: BrokerLog;
}

/** Logs each outage of a connection once: while a server is down, dozens of attempts fail. */
export class OutageLog {
  readonly #role: 'publisher' | 'subscriber';
  readonly #log: BrokerLog;
  #server = '';
  #since: number | undefined;
  #isLogged = false;

  constructor({ role, log }: OutageLogOptions) {
    this.#role = role;
    this.#log = log;
  }

  /** An attempt to connect begins. `server` is its address, without credentials. */
  connecting(server: string): void {
    this.#server = server;
  }

  /** The connection was lost (`wasReady`), or an attempt to connect failed. */
  failed(wasReady: boolean, error: unknown): void {
    if (wasReady) this.#since = performance.now();
    if (this.#isLogged) return;
    this.#isLogged = true;
    this.#log.warn(
      wasReady
        ? `Lost the ${this.#role} connection to ${this.#server}${because(error)}; reconnecting`
        : `Cannot connect the ${this.#role} to ${this.#server}${because(error)}; retrying`,
    );
  }

  /** The connection is ready, for the first time or again. */
  ready(): void {
    const wasLogged = this.#isLogged;
    this.#isLogged = false;
    if (this.#since === undefined) {
      if (wasLogged) this.#log.log(`Connected the ${this.#role} to ${this.#server}`);
      return;
    }
    const outage = performance.now() - this.#since;
    this.#since = undefined;
    this.#log.log(
      `The ${this.#role} connection is back after ${Math.round(outage)} ms, to ${this.#server}`,
    );
    if (telemetry.reconnect.hasSubscribers) {
      telemetry.reconnect.publish({ connection: this.#role, outage });
    }
  }

  /** An error that does not end the connection. */
  stillConnected(error: unknown): void {
    this.#log.error(
      `Error on the ${this.#role} connection to ${this.#server}, which is still up: ${messageOf(error)}`,
    );
  }

  /** There will be no further attempt. */
  ended(error: unknown): void {
    this.#log.error(
      `The ${this.#role} connection to ${this.#server} has ended${because(error)}, and is not retried`,
    );
  }
}

function because(error: unknown): string {
  return error ? ` (${messageOf(error)})` : '';
}
