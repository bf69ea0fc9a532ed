import type { Lane } from './ledger.js';

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
