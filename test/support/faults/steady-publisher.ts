import type { NumberedChannel } from './numbered-channel.js';

const INTERVAL_MS = 5;

/** Publishes one numbered message on each channel every 5 ms. */
export class SteadyPublisher {
  readonly #channels: readonly NumberedChannel[];
  readonly #send: (channel: string, data: object) => Promise<unknown>;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    channels: readonly NumberedChannel[],
    send: (channel: string, data: object) => Promise<unknown>,
  ) {
    this.#channels = channels;
    this.#send = send;
  }

  start(): void {
    this.#timer = setInterval(() => this.publish(), INTERVAL_MS);
  }

  /** Publishes one message on each channel: its number and the fields of `extra`. */
  publish(extra: object = {}): void {
    for (const channel of this.#channels) {
      void channel.publish((number) => this.#send(channel.name, { ...extra, number }));
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
