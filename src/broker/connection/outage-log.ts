import { messageOf } from '../../errors.js';
import { isError } from '../../shared/is-error.js';
import { telemetry } from '../../telemetry.js';
import type { BrokerLog } from '../broker.js';

/** Which connection an {@link OutageLog} is about. */
export interface OutageLogOptions {
  /** The name of the broker in telemetry. */
  readonly transport: string;
  readonly role: 'publisher' | 'subscriber';
  readonly log: BrokerLog;
}

/** How long the same reason is not logged again in one outage, while the reasons alternate. */
const REPEAT_MS = 10_000;

/**
 * Logs each outage of a connection once, and again when its reason changes: while a server is down, dozens of
 * attempts fail.
 */
export class OutageLog {
  readonly #transport: string;
  readonly #role: 'publisher' | 'subscriber';
  readonly #log: BrokerLog;
  #server = '';
  #since: number | undefined;
  #isLogged = false;
  #isWrongServer = false;
  #lastReason: string | undefined;
  /** The reasons that this outage was logged with, and when. */
  readonly #logged = new Map<string | undefined, number>();

  constructor({ transport, role, log }: OutageLogOptions) {
    this.#transport = transport;
    this.#role = role;
    this.#log = log;
  }

  /** An attempt to connect begins. `server` is its address, without credentials. */
  connecting(server: string): void {
    this.#server = server;
  }

  /** The connection was lost (`wasReady`), or an attempt to connect failed. */
  failed(wasReady: boolean, reason: string | undefined): void {
    if (wasReady) this.#since = performance.now();
    if (!this.#isLogged) {
      this.#isLogged = true;
      this.#logged.set(reason, performance.now());
      this.#log.warn(
        wasReady
          ? `Lost the ${this.#role} connection to ${this.#server}${because(reason)}; reconnecting`
          : `Cannot connect the ${this.#role} to ${this.#server}${because(reason)}; retrying`,
      );
    } else if (this.#hasChanged(reason)) {
      this.#logged.set(reason, performance.now());
      this.#log.warn(
        `Still cannot connect the ${this.#role} to ${this.#server}${because(reason)}; retrying`,
      );
    }
    this.#lastReason = reason;
  }

  /** The connection is ready, for the first time or again. `details` say what it leads to. */
  ready(details: string): void {
    const wasLogged = this.#isLogged;
    this.#isLogged = this.#isWrongServer = false;
    this.#logged.clear();
    if (this.#since === undefined) {
      // The end of an outage has the level of its beginning: a log with warnings alone shows both.
      if (wasLogged) this.#log.warn(`Connected the ${this.#role} to ${this.#server}${details}`);
      // The subscriber leads to the same server.
      else if (this.#role === 'publisher')
        this.#log.log(`Connected the publisher to ${this.#server}${details}`);
      return;
    }
    const outage = performance.now() - this.#since;
    this.#since = undefined;
    this.#log.warn(
      `The ${this.#role} connection is back after ${Math.round(outage)} ms, to ${this.#server}`,
    );
    if (telemetry.reconnect.hasSubscribers) {
      telemetry.reconnect.publish({
        transport: this.#transport,
        connection: this.#role,
        outage,
      });
    }
  }

  /** An error that does not end the connection. */
  stillConnected(error: unknown): void {
    // An error of the socket, such as ECONNRESET: its close follows.
    if (isError(error) && 'syscall' in error) return;
    this.#log.error(
      `Error on the ${this.#role} connection to ${this.#server}, which is still up: ${messageOf(error)}`,
    );
  }

  /** A user's own client leads to the wrong server; only the application can reconnect it. */
  wrongServer(reason: string): void {
    if (this.#isWrongServer) return;
    this.#isWrongServer = true;
    this.#log.warn(
      `Your own client, the ${this.#role}, is still connected to the wrong server: ${reason}; reconnect it, for example with disconnect(true)`,
    );
  }

  /** There will be no further attempt. */
  ended(reason: string | undefined): void {
    this.#log.error(
      `The ${this.#role} connection to ${this.#server} has ended${because(reason)}, and is not retried`,
    );
  }

  /** A reason counts when two attempts in a row have it: while a server restarts, each attempt may have another. */
  #hasChanged(reason: string | undefined): boolean {
    if (reason === undefined || reason !== this.#lastReason) return false;
    const latest = [...this.#logged.keys()].at(-1);
    const since = this.#logged.get(reason);
    if (reason === latest || (since !== undefined && performance.now() - since < REPEAT_MS))
      return false;
    // The map keeps the order of the log.
    this.#logged.delete(reason);
    return true;
  }
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : ` (${reason})`;
}
