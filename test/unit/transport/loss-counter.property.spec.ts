import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChannelKind } from '../../../src/channel/subscription-key.js';
import { EnvelopeCodec } from '../../../src/codec/envelope-codec.js';
import { jsonCodec } from '../../../src/codec/json-codec.js';
import { completed, type OutgoingPayload } from '../../../src/shared/payload.js';
import { LossCounter, REPEATED } from '../../../src/transport/loss-counter.js';
import { MessageIds } from '../../../src/transport/message-ids.js';

const json = new EnvelopeCodec(jsonCodec, String, '');
/** A codec of a user: it gets the whole packet, with its id. */
const own = new EnvelopeCodec({ ...jsonCodec, beginPacket: undefined }, String, '');

/** A message that a publisher sends. */
interface Payload {
  readonly payload: OutgoingPayload;
  readonly publisher: Publisher;
  readonly channel: string;
  readonly kind: ChannelKind;
}

/** One publisher: its buffer, and what is known of the order in which its messages were handed to the connection. */
class Publisher {
  readonly ids: MessageIds;
  #waiting: Payload[] = [];
  isConnected = true;

  constructor(
    limit: number,
    readonly codec: EnvelopeCodec,
  ) {
    this.ids = new MessageIds(limit);
  }

  /** Returns the payload if it is handed to the connection now. */
  publish(channel: string, kind: ChannelKind): Payload | undefined {
    const message = { pattern: channel, data: 1 };
    if (this.isConnected) {
      const payload = this.ids.encode(this.codec, channel, kind, message);
      this.ids.use();
      return { payload, channel, kind, publisher: this };
    }
    const payload = this.ids.encodeWaiting(this.codec, channel, kind, message);
    this.#waiting.push({ payload, channel, kind, publisher: this });
    return undefined;
  }

  /** The oldest messages expire. */
  expire(count: number): void {
    this.#waiting.splice(0, count);
  }

  connect(): Payload[] {
    this.isConnected = true;
    return this.#waiting.splice(0);
  }
}

/** One subscription of a listening process, and what it must find. */
class Listener {
  readonly source = { period: 0, gaps: 0, isSubscribed: true };
  counted = 0;
  expected = 0;
  /** The last message that it received of each stream, and how many of that stream it missed since. */
  readonly missed = new Map<string, number>();

  constructor(readonly counter: LossCounter) {}

  receive(id: string, stream: string): void {
    const lost = this.counter.count(this.source, id);
    this.counted += lost && lost !== REPEATED ? lost.count : 0;
    this.expected += this.missed.get(stream) ?? 0;
    this.missed.set(stream, 0);
  }

  /** Counts only for a stream that it has received something of: else it is a loss at the head. */
  miss(stream: string): void {
    const missed = this.missed.get(stream);
    if (missed !== undefined) this.missed.set(stream, missed + 1);
  }

  restart(): void {
    this.source.period++;
    this.missed.clear();
  }
}

const streamOf = (id: string): string => id.slice(0, id.lastIndexOf('-'));
const idOf = (payload: string | Uint8Array): string | undefined =>
  (JSON.parse(String(payload)) as { mid?: string }).mid;

const CHANNELS = ['a', 'b', 'c'];
const kinds = fc.constantFrom<ChannelKind>('channel', 'shard');
const channels = fc.constantFrom(...CHANNELS);
const nat = fc.nat(3);
/** Which listeners lose a message. */
const losers = fc.array(nat, { maxLength: 2 });

const publish = fc.record({
  act: fc.constant('publish' as const),
  publisher: nat,
  channel: channels,
  kind: kinds,
  losers,
  /** What becomes of it at the connection. */
  fate: fc.constantFrom('sent', 'sent', 'sent', 'sent', 'twice', 'lost in flight', 'refused'),
});
const step = fc.oneof(
  { weight: 20, arbitrary: publish },
  fc.record({
    act: fc.constant('burst' as const),
    publisher: nat,
    channel: channels,
    kind: kinds,
    losers,
  }),
  fc.record({ act: fc.constant('cut' as const), publisher: nat }),
  fc.record({ act: fc.constant('expire' as const), publisher: nat, count: nat }),
  fc.record({ act: fc.constant('connect' as const), publisher: nat }),
  fc.record({ act: fc.constant('replace' as const), publisher: nat }),
  fc.record({ act: fc.constant('resubscribe' as const), listener: nat }),
  fc.record({ act: fc.constant('gap' as const), listener: nat }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const schedules = fc.array(step, { minLength: 80, maxLength: 160 });

/** Publishers and listeners. Two listeners share a counter, as the overlapping subscriptions of one process do. */
class Model {
  readonly seen = new Set<string>();
  readonly listeners: readonly Listener[];
  readonly #publishers: Publisher[];
  readonly #limit: number;

  constructor(sendLimit: number, receiveLimit: number) {
    this.#limit = sendLimit;
    const counters = [new LossCounter(receiveLimit), new LossCounter(receiveLimit)] as const;
    this.listeners = [counters[0], counters[0], counters[1], counters[1]].map(
      (counter) => new Listener(counter),
    );
    this.#publishers = [0, 1, 2, 3].map((i) => this.#createPublisher(i));
  }

  run(it: Step): void {
    if (it.act === 'publish') this.#publish(it, it.fate, it.losers);
    else if (it.act === 'burst') {
      for (let i = 0; i < 5; i++) this.#publish(it, 'sent', i === 2 ? it.losers : []);
    } else if ('listener' in it) {
      const listener = this.listeners[it.listener] as Listener;
      if (it.act === 'gap') listener.source.gaps++;
      else listener.restart();
    } else this.#change(this.#publishers[it.publisher] as Publisher, it);
  }

  #publish(
    it: { readonly publisher: number; readonly channel: string; readonly kind: ChannelKind },
    fate: string,
    lost: readonly number[],
  ): void {
    const payload = this.#publishers[it.publisher]?.publish(it.channel, it.kind);
    if (payload) this.#send(payload, fate, lost);
  }

  #change(publisher: Publisher, it: Step & { readonly publisher: number }): void {
    if (it.act === 'cut') publisher.isConnected = false;
    else if (it.act === 'expire') publisher.expire(it.count);
    else if (it.act === 'replace')
      this.#publishers[it.publisher] = this.#createPublisher(it.publisher);
    else for (const payload of publisher.connect()) this.#send(payload, 'sent', []);
  }

  #createPublisher(index: number): Publisher {
    return new Publisher(this.#limit, index === 3 ? own : json);
  }

  #send(
    { payload, publisher, channel, kind }: Payload,
    fate: string,
    lost: readonly number[],
  ): void {
    const id = idOf(completed(payload));
    if (id === undefined) return;
    if (this.seen.has(id)) throw new Error(`The id ${id} is used twice`);
    this.seen.add(id);
    if (fate === 'refused') {
      publisher.ids.restart(channel, kind);
      return;
    }
    const stream = streamOf(id);
    for (const [i, listener] of this.listeners.entries()) {
      if (fate === 'lost in flight' || lost.includes(i)) {
        listener.miss(stream);
        continue;
      }
      listener.receive(id, stream);
      if (fate === 'twice') listener.receive(id, stream);
    }
  }
}

describe('the losses that are counted', () => {
  it('are those that happened, but for the head and the tail of each stream', () => {
    let counted = 0;
    fc.assert(
      fc.property(schedules, (steps) => {
        const model = new Model(100, 1_000);
        for (const it of steps) {
          model.run(it);
          if (model.listeners.some((one) => one.counted !== one.expected)) return false;
        }
        counted += model.listeners.reduce((sum, it) => sum + it.counted, 0);
        return true;
      }),
      { numRuns: 300 },
    );
    expect(counted).toBeGreaterThan(1_000);
  });

  it('are never more than happened, when publishers evict channels and listeners evict streams', () => {
    let missed = 0;
    let counted = 0;
    fc.assert(
      fc.property(schedules, fc.integer({ min: 1, max: 6 }), (steps, limit) => {
        const model = new Model(limit, limit);
        for (const it of steps) {
          model.run(it);
          if (model.listeners.some((one) => one.counted > one.expected)) return false;
        }
        for (const one of model.listeners) {
          missed += one.expected;
          counted += one.counted;
        }
        return true;
      }),
      { numRuns: 300 },
    );
    expect(counted).toBeGreaterThan(100);
    expect(counted).toBeLessThan(missed);
  });
});
