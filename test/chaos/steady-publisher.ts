import { Redis } from 'ioredis';
import type { Lane } from './ledger.js';
import type { Topology } from './topology.js';

const EVERY = 5;

/** Sends one message per lane, over and over. */
export class SteadyPublisher {
  readonly #lanes: readonly Lane[];
  readonly #send: (channel: string, data: object) => Promise<unknown>;
  #timer: NodeJS.Timeout | undefined;

  constructor(lanes: readonly Lane[], send: (channel: string, data: object) => Promise<unknown>) {
    this.#lanes = lanes;
    this.#send = send;
  }

  start(): void {
    this.#timer = setInterval(() => this.publish(), EVERY);
  }

  /** One message per lane; with `extra` beside its number. */
  publish(extra: object = {}): void {
    for (const lane of this.#lanes) {
      lane.note((number) => this.#send(lane.channel, { ...extra, number }));
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** A plain client that sends nothing twice, and fails at once what it cannot send. */
export function createPlainPublisher(topology: Topology): Redis {
  const client = new Redis({
    ...topology.direct,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => 20,
  });
  client.on('error', () => undefined);
  return client;
}
