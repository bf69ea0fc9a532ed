import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConnectionError, type RedisPubSubService } from 'nestjs-redis-pubsub';
import { onTestFailed } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';

/** Git ignores this folder. */
const RECORDS = 'test-results';
/** How many messages of one kind a record shows at most, of the first and of the last. */
const MOST_SHOWN = 20;

interface Numbered {
  readonly channel: string;
  readonly number: number;
}

/** A message as it is on the channel: one of an earlier test has another run. */
interface Payload {
  readonly run: string;
  readonly number: number;
}

/** What became of a message, in milliseconds since the start of the run. */
interface Fate {
  readonly publishedAt: number;
  acceptedAt?: number;
  failedAt?: number;
  error?: string;
  readonly heardAt: number[];
}

const keyOf = ({ channel, number }: Numbered): string => `${channel} ${number}`;

/**
 * Numbered messages that are published on many channels at a steady pace, and what became of each. Writes
 * a record of the run when the test fails.
 */
export class NumberedFlow {
  readonly run = randomUUID().slice(0, 8);
  readonly accepted: Numbered[] = [];
  readonly failures: { readonly message: Numbered; readonly error: unknown }[] = [];
  readonly heard: Numbered[] = [];
  /** Messages of other runs that came over the same channels. */
  readonly foreign: unknown[] = [];
  readonly #service: RedisPubSubService;
  readonly #channels: readonly string[];
  readonly #unsettled = new Set<Promise<void>>();
  readonly #fates = new Map<number, Fate>();
  readonly #events: string[] = [];
  readonly #statuses = new Map<string, string>();
  readonly #epoch = Date.now();
  readonly #startedAt = performance.now();
  #listener: RedisPubSubService | undefined;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(service: RedisPubSubService, channels: readonly string[]) {
    this.#service = service;
    this.#channels = channels;
    // A test that fails does not get as far as to stop it.
    closeAfterTest(async () => clearInterval(this.#timer));
    onTestFailed(() => this.#writeRecord());
  }

  /** Has another application hear them all. */
  async listen(listener: RedisPubSubService): Promise<void> {
    this.#listener = listener;
    for (const name of this.#channels) {
      await listener.subscribe<Payload>(
        name,
        ({ channel, data }) => this.#hear(channel, data),
        // Each channel is subscribed again after an outage; one of them is enough to tell of it.
        name === this.#channels[0]
          ? { onSubscribed: (gap) => this.mark(`subscribed ${name} ${JSON.stringify(gap ?? {})}`) }
          : {},
      );
    }
  }

  /** Begins to publish on one channel after the other, so many messages a second. */
  start(rate: number): void {
    this.#timer = setInterval(() => this.publish(rate / 100), 10);
  }

  publish(count: number): void {
    this.#watchStatuses();
    for (let i = 0; i < count; i++) {
      const channel = this.#channels[this.#next % this.#channels.length] ?? '';
      const message = { channel, number: this.#next++ };
      const fate: Fate = { publishedAt: this.#now(), heardAt: [] };
      this.#fates.set(message.number, fate);
      const payload: Payload = { run: this.run, number: message.number };
      const settled = this.#service.publish(channel, payload).then(
        () => {
          fate.acceptedAt = this.#now();
          this.accepted.push(message);
        },
        (error: unknown) => {
          fate.failedAt = this.#now();
          fate.error = String(error);
          this.failures.push({ message, error });
        },
      );
      this.#unsettled.add(settled);
      void settled.then(() => this.#unsettled.delete(settled));
    }
  }

  /** Notes for the record that something happens now. */
  mark(event: string): void {
    this.#events.push(`${this.#now()} ms, before message ${this.#next}: ${event}`);
  }

  /** Stops, and resolves when Redis has answered or the publisher has given up, for each message. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#unsettled);
    this.mark('stopped');
  }

  /** Resolves when a message that is published from now on has been heard on each channel. */
  async comesThrough(): Promise<void> {
    const from = this.#next;
    await this.#eventually(`a message from ${from} on is heard on each channel`, () => {
      const channels = this.heard.filter(({ number }) => number >= from).map((it) => it.channel);
      return new Set(channels).size === this.#channels.length;
    });
  }

  /** Resolves when every message that Redis accepted, from a number on, has been heard. */
  async arrives(from = 0): Promise<void> {
    const what = `every accepted message from ${from} on is heard`;
    await this.#eventually(what, () => this.lost(from).length === 0);
  }

  /** How many messages have been published so far. */
  get count(): number {
    return this.#next;
  }

  /** The number of the next message at a moment, in milliseconds since the epoch. */
  countAt(moment: number): number {
    const at = moment - this.#epoch;
    const later = [...this.#fates].find(([, { publishedAt }]) => publishedAt > at);
    return later?.[0] ?? this.#next;
  }

  /** What Redis accepted, from a number on, and the listener did not hear. */
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

  #now(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  #hear(channel: string, data: Payload): void {
    if (data.run !== this.run) {
      this.foreign.push(data);
      return;
    }
    this.heard.push({ channel, number: data.number });
    this.#fates.get(data.number)?.heardAt.push(this.#now());
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

  async #eventually(what: string, isTrue: () => boolean): Promise<void> {
    try {
      await eventually(isTrue);
    } catch (error) {
      this.mark(`waited in vain until ${what}`);
      throw error;
    }
  }

  async #writeRecord(): Promise<void> {
    const file = join(RECORDS, `flow-${this.run}.txt`);
    await mkdir(RECORDS, { recursive: true });
    const record = this.#record();
    await writeFile(file, `${record}\n`);
    console.error(`${record.split('\n\n')[0]}\nAll of it: ${file}`);
  }

  #record(): string {
    const failures = this.failures.map(({ message }) => message);
    const kinds = { lost: this.lost(), twice: this.twice, disordered: this.disordered, failures };
    const counts = Object.entries(kinds).map(([name, { length }]) => `${length} ${name}`);
    const head = [
      `Run ${this.run}: ${this.#next} published, ${this.accepted.length} accepted, ${this.heard.length} heard, ${counts.join(', ')}, ${this.foreign.length} of other runs`,
      ...this.#events,
    ];
    const lists = Object.entries(kinds)
      .filter(([, { length }]) => length > 0)
      .map(([name, messages]) => [`${name}:`, ...this.#shown(messages)].join('\n'));
    return [head.join('\n'), ...lists].join('\n\n');
  }

  #shown(messages: readonly Numbered[]): string[] {
    const lines = messages.map(
      (message) => `${keyOf(message)} ${JSON.stringify(this.#fates.get(message.number))}`,
    );
    const more = lines.length - 2 * MOST_SHOWN;
    return more > 0 ? lines.toSpliced(MOST_SHOWN, more, `(${more} more)`) : lines;
  }
}
