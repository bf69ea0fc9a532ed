import { telemetry } from '../telemetry.js';
import type { BrokerLog } from './broker.js';

/** Says once per outage what becomes of a connection: attempts fail by the dozen while a server is away. */
export class OutageReport {
  readonly #role: 'publisher' | 'subscriber';
  readonly #log: BrokerLog;
  #since: number | undefined;
  #isLogged = false;

  constructor(role: 'publisher' | 'subscriber', log: BrokerLog) {
    this.#role = role;
    this.#log = log;
  }

  /** The connection, or an attempt to make it, has failed. */
  failed(wasReady: boolean, reason: string): void {
    if (wasReady) this.#since = performance.now();
    if (this.#isLogged) return;
    this.#isLogged = true;
    const what = wasReady ? 'lost; reconnecting' : 'not established yet; trying on';
    this.#log.warn(`The ${this.#role} connection to Redis is ${what}${reason}`);
  }

  /** The connection is there, for the first time or again. */
  ready(): void {
    this.#isLogged = false;
    if (this.#since === undefined) return;
    const outage = performance.now() - this.#since;
    this.#since = undefined;
    this.#log.log(`The ${this.#role} connection to Redis is back after ${Math.round(outage)} ms`);
    if (telemetry.reconnect.hasSubscribers) {
      telemetry.reconnect.publish({ connection: this.#role, outage });
    }
  }

  /** There will be no further attempt. */
  ended(reason: string): void {
    this.#log.error(
      `The ${this.#role} connection to Redis has ended and will not be tried again${reason}`,
    );
  }
}
