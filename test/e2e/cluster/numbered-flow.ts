import { ConnectionError, type RedisPubSubService } from 'nestjs-redis-pubsub';
import { eventually } from '../../support/redis.js';

interface Numbered {
  readonly channel: string;
  readonly number: number;
}

const keyOf = ({ channel, number }: Numbered): string => `${channel} ${number}`;

/** Numbered messages that are published on many channels at a steady pace, and what became of each. */
export class NumberedFlow {
  readonly accepted: Numbered[] = [];
  readonly failures: { readonly message: Numbered; readonly error: unknown }[] = [];
  readonly heard: Numbered[] = [];
  readonly #service: RedisPubSubService;
  readonly #channels: readonly string[];
  readonly #unsettled = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(service: RedisPubSubService, channels: readonly string[]) {
    this.#service = service;
    this.#channels = channels;
  }

  /** Has another application hear them all. */
  async listen(listener: RedisPubSubService): Promise<void> {
    for (const name of this.#channels) {
      await listener.subscribe<number>(name, ({ channel, data }) =>
        this.heard.push({ channel, number: data }),
      );
    }
  }

  /** Begins to publish on one channel after the other, so many messages a second. */
  start(rate: number): void {
    this.#timer = setInterval(() => this.publish(rate / 100), 10);
  }

  publish(count: number): void {
    for (let i = 0; i < count; i++) {
      const channel = this.#channels[this.#next % this.#channels.length] ?? '';
      const message = { channel, number: this.#next++ };
      const settled = this.#service.publish(channel, message.number).then(
        () => void this.accepted.push(message),
        (error: unknown) => void this.failures.push({ message, error }),
      );
      this.#unsettled.add(settled);
      void settled.then(() => this.#unsettled.delete(settled));
    }
  }

  /** Stops, and resolves when Redis has answered or the publisher has given up, for each message. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#unsettled);
  }

  /** Resolves when a message that is published from now on has been heard on each channel. */
  async comesThrough(): Promise<void> {
    const from = this.#next;
    await eventually(() => {
      const channels = this.heard.filter(({ number }) => number >= from).map((it) => it.channel);
      return new Set(channels).size === this.#channels.length;
    });
  }

  /** How many messages have been published so far. */
  get count(): number {
    return this.#next;
  }

  /** What Redis accepted, from a number on, and nobody heard. */
  lost(from = 0): Numbered[] {
    const heard = new Set(this.heard.map(keyOf));
    return this.accepted.filter((it) => it.number >= from && !heard.has(keyOf(it)));
  }

  /** What was heard more than once. */
  get twice(): Numbered[] {
    const seen = new Set<string>();
    return this.heard.filter((it) => seen.size === seen.add(keyOf(it)).size);
  }

  /** What was heard after a later message of its channel. */
  get disordered(): Numbered[] {
    const last = new Map<string, number>();
    return this.heard.filter(({ channel, number }) => {
      const isLate = number < (last.get(channel) ?? -1);
      if (!isLate) last.set(channel, number);
      return isLate;
    });
  }

  /** Whether its publisher was told that it was not, or may not have been, published. */
  hasFailed({ number }: Numbered): boolean {
    return this.failures.some(({ message }) => message.number === number);
  }

  /** Rejections of any other kind than that the connection was away. */
  get unexpected(): unknown[] {
    return this.failures.map(({ error }) => error).filter((it) => !(it instanceof ConnectionError));
  }
}
