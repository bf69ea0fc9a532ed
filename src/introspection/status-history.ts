import type { Broker, BrokerStatus } from '../broker/broker.js';

/** The status of a broker, since when it is so, and how often the connections came back. */
export class StatusHistory {
  #status: BrokerStatus;
  #since = new Date();
  #wasConnected: boolean;
  #reconnects = 0;

  constructor(broker: Pick<Broker, 'status' | 'onStatus'>) {
    this.#status = broker.status;
    this.#wasConnected = broker.status === 'connected';
    broker.onStatus((status) => this.#onStatus(status));
  }

  get current(): {
    readonly status: BrokerStatus;
    readonly since: Date;
    readonly reconnects: number;
  } {
    return { status: this.#status, since: this.#since, reconnects: this.#reconnects };
  }

  #onStatus(status: BrokerStatus): void {
    if (status === 'connected') {
      if (this.#wasConnected) this.#reconnects++;
      this.#wasConnected = true;
    }
    this.#status = status;
    this.#since = new Date();
  }
}
