import { messageOf } from '../../errors.js';
import { telemetry } from '../../telemetry.js';
import type { BrokerLog } from '../broker.js';

export interface OutageReportOptions {
  readonly role: 'publisher' | 'subscriber';
  readonly log: BrokerLog;
}

/** Says once per outage what becomes of a connection: attempts fail by the dozen while a server is away. */
export class OutageReport {
  readonly #role: 'publisher' | 'subscriber';
  readonly #name: string;
  readonly #log: BrokerLog;
  #since: number | undefined;
  #isLogged = false;

  constructor({ role, log }: OutageReportOptions) {
    this.#role = role;
    this.#name = `The ${role} connection to Redis`;
    this.#log = log;
  }

  /** The connection, or an attempt to make it, has failed. */
  failed(wasReady: boolean, error: unknown): void {
    if (wasReady) this.#since = performance.now();
    if (this.#isLogged) return;
    this.#isLogged = true;
    const what = wasReady ? 'lost; reconnecting' : 'not established yet; trying on';
    this.#log.warn(`${this.#name} is ${what}${because(error)}`);
  }

  /** The connection is there, for the first time or again. */
  ready(): void {
    this.#isLogged = false;
    if (this.#since === undefined) return;
    const outage = performance.now() - this.#since;
    this.#since = undefined;
    this.#log.log(`${this.#name} is back after ${Math.round(outage)} ms`);
    if (telemetry.reconnect.hasSubscribers) {
      telemetry.reconnect.publish({ connection: this.#role, outage });
    }
  }

  /** There will be no further attempt. */
  ended(error: unknown): void {
    this.#log.error(`${this.#name} has ended and will not be tried again${because(error)}`);
  }
}

function because(error: unknown): string {
  return error ? ` (${messageOf(error)})` : '';
}
