import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConnectionError, type RedisPubSubService } from 'nestjs-redis-pubsub';
import { onTestFailed } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';

/** Git ignores this folder. */
const RECORDS = 'test-results';
/** A record shows at most this many of the first, and of the last, messages of one kind. */
const MOST_SHOWN = 20;

interface Numbered {
  readonly channel: string;
  readonly number: number;
}

/** The data of a message. Messages of an earlier test have another run. */
interface Payload {
  readonly run: string;
  readonly number: number;
}

/** The history of a message, in milliseconds since the start of the run. */
interface History {
  readonly publishedAt: number;
  acceptedAt?: number;
  failedAt?: number;
  error?: string;
  readonly receivedAt: number[];
}

const keyOf = ({ channel, number }: Numbered): string => `${channel} ${number}`;

/**
 * Publishes numbered messages on many channels at a steady rate, and records the history of each. Writes a
 * record of the run when the test fails.
 */
export class NumberedFlow {
  readonly run = randomUUID().slice(0, 8);
  readonly accepted: Numbered[] = [];
  readonly failures: { readonly message: Numbered; readonly error: unknown }[] = [];
  readonly received: Numbered[] = [];
  /** Messages of other runs on the same channels. */
  readonly foreign: unknown[] = [];
  readonly #service: RedisPubSubService;
  readonly #channels: readonly string[];
  readonly #unsettled = new Set<Promise<void>>();
  readonly #histories = new Map<number, History>();
  readonly #events: string[] = [];
  readonly #statuses = new Map<string, string>();
  readonly #startDate = Date.now();
  readonly #startedAt = performance.now();
  #listener: RedisPubSubService | undefined;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(service: RedisPubSubService, channels: readonly string[]) {
    this.#service = service;
    this.#channels = channels;
    // A test that fails does not call stop().
    closeAfterTest(async () => clearInterval(this.#timer));
    onTestFailed(() => this.#writeRecord());
  }

  /** Subscribes another application to all channels. */
  async listen(listener: RedisPubSubService): Promise<void> {
    this.#listener = listener;
    for (const name of this.#channels) {
      await listener.subscribe<Payload>(
        name,
        ({ channel, data }) => this.#receive(channel, data),
        // Each channel is subscribed again after an outage; the record needs one of them.
        name === this.#channels[0]
          ? { onSubscribed: (gap) => this.mark(`subscribed ${name} ${JSON.stringify(gap ?? {})}`) }
          : {},
      );
    }
  }

  /** Starts to publish on one channel after the other, at `rate` messages a second. */
  start(rate: number): void {
    this.#timer = setInterval(() => this.publish(rate / 100), 10);
  }

  publish(count: number): void {
    this.#watchStatuses();
    for (let i = 0; i < count; i++) {
      const channel = this.#channels[this.#next % this.#channels.length] ?? '';
      const message = { channel, number: this.#next++ };
      const history: History = { publishedAt: this.#now(), receivedAt: [] };
      this.#histories.set(message.number, history);
      const payload: Payload = { run: this.run, number: message.number };
      const settled = this.#service.publish(channel, payload).then(
        () => {
          history.acceptedAt = this.#now();
          this.accepted.push(message);
        },
        (error: unknown) => {
          history.failedAt = this.#now();
          history.error = String(error);
          this.failures.push({ message, error });
        },
      );
      this.#unsettled.add(settled);
      void settled.then(() => this.#unsettled.delete(settled));
    }
  }

  /** Adds an event to the record. */
  mark(event: string): void {
    this.#events.push(`${this.#now()} ms, before message ${this.#next}: ${event}`);
  }

  /** Stops publishing; resolves when the publish of each message has resolved or rejected. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#unsettled);
    this.mark('stopped');
  }

  /** Resolves when a message that is published from now on has arrived on each channel. */
  async reachesEachChannel(): Promise<void> {
    const from = this.#next;
    await this.#eventually(`a message from ${from} on has arrived on each channel`, () => {
      const channels = this.received.filter(({ number }) => number >= from).map((it) => it.channel);
      return new Set(channels).size === this.#channels.length;
    });
  }

  /** Resolves when every message that Redis accepted, from number `from` on, has arrived. */
  async allArrive(from = 0): Promise<void> {
    const condition = `every accepted message from ${from} on has arrived`;
    await this.#eventually(condition, () => this.lost(from).length === 0);
  }

  /** The number of messages that have been published so far. */
  get count(): number {
    return this.#next;
  }

  /** The number of the next message at a moment. `moment` is in milliseconds since the epoch. */
  countAt(moment: number): number {
    const at = moment - this.#startDate;
    const later = [...this.#histories].find(([, { publishedAt }]) => publishedAt > at);
    return later?.[0] ?? this.#next;
  }

  /** The messages that Redis accepted, from number `from` on, and that did not arrive. */
  lost(from = 0): Numbered[] {
    const received = new Set(this.received.map(keyOf));
    return this.accepted.filter((it) => it.number >= from && !received.has(keyOf(it)));
  }

  /** The messages that arrived more than once. */
  get twice(): Numbered[] {
    const seen = new Set<string>();
    return this.received.filter((it) => seen.size === seen.add(keyOf(it)).size);
  }

  /** The messages that arrived after a later message of their channel. */
  get disordered(): Numbered[] {
    const last = new Map<string, number>();
    return this.received.filter(({ channel, number }) => {
      const isLate = number < (last.get(channel) ?? -1);
      if (!isLate) last.set(channel, number);
      return isLate;
    });
  }

  /** Whether the publish of the message rejected. */
  hasFailed({ number }: Numbered): boolean {
    return this.failures.some(({ message }) => message.number === number);
  }

  /** The rejections with another error than a ConnectionError. */
  get unexpected(): unknown[] {
    return this.failures.map(({ error }) => error).filter((it) => !(it instanceof ConnectionError));
  }

  #now(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  #receive(channel: string, data: Payload): void {
    if (data.run !== this.run) {
      this.foreign.push(data);
      return;
    }
    this.received.push({ channel, number: data.number });
    this.#histories.get(data.number)?.receivedAt.push(this.#now());
  }

  #watchStatuses(): void {
    for (const [name, service] of [
      ['publisher', this.#service],
      ['listener', this.#listener],
    ] as const) {
      if (!service || this.#statuses.get(name) === service.status) continue;
      this.#statuses.set(name, service.status);
      this.mark(`the ${name} is ${service.status}`);
    }
  }

  async #eventually(condition: string, isTrue: () => boolean): Promise<void> {
    try {
      await eventually(isTrue);
    } catch (error) {
      this.mark(`timed out before ${condition}`);
      throw error;
    }
  }

  async #writeRecord(): Promise<void> {
    const file = join(RECORDS, `flow-${this.run}.txt`);
    await mkdir(RECORDS, { recursive: true });
    const record = this.#record();
    await writeFile(file, `${record}\n`);
    console.error(`${record.split('\n\n')[0]}\nThe whole record: ${file}`);
  }

  #record(): string {
    const failures = this.failures.map(({ message }) => message);
    const kinds = { lost: this.lost(), twice: this.twice, disordered: this.disordered, failures };
    const counts = Object.entries(kinds).map(([name, { length }]) => `${length} ${name}`);
    const head = [
      `Run ${this.run}: ${this.#next} published, ${this.accepted.length} accepted, ${this.received.length} received, ${counts.join(', ')}, ${this.foreign.length} of other runs`,
      ...this.#events,
    ];
    const lists = Object.entries(kinds)
      .filter(([, { length }]) => length > 0)
      .map(([name, messages]) => [`${name}:`, ...this.#shown(messages)].join('\n'));
    return [head.join('\n'), ...lists].join('\n\n');
  }

  #shown(messages: readonly Numbered[]): string[] {
    const lines = messages.map(
      (message) => `${keyOf(message)} ${JSON.stringify(this.#histories.get(message.number))}`,
    );
    const more = lines.length - 2 * MOST_SHOWN;
    return more > 0 ? lines.toSpliced(MOST_SHOWN, more, `(${more} more)`) : lines;
  }
}
