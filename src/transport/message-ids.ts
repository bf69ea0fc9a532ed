import { randomBytes } from 'node:crypto';
import type { ChannelKind } from '../channel/subscription-key.js';
import type { MessageCodec, OutgoingMessage } from '../codec/codec.js';
import { endPacket } from '../codec/json-codec.js';
import { ClockMap, type ClockEntry } from '../shared/clock-map.js';
import type { LatePayload, OutgoingPayload } from '../shared/payload.js';

/** How many streams are counted at most, on each side. */
export const MAX_STREAMS = 10_000;

/** As 8 characters: each process and client is another publisher. Listeners find short keys faster. */
const PUBLISHER_BYTES = 6;

/**
 * The most bytes that `,"mid":"<publisher>.<stream>-<number>"` adds to a packet: 9 beside the id, 8 of the publisher,
 * 8 of the stream in base 36 and its mark, 14 of the number, and 2 between them.
 */
const ID_BYTES = 41;

/** The same with the end of the packet, which a begun one does not have. */
const END_BYTES = ID_BYTES + 1;

/** The messages of a publisher on one channel, numbered from 1. */
class Stream implements ClockEntry {
  isRecent = false;
  /** The last number that was used. */
  last = 0;

  /** `start` is what the ids begin with. */
  constructor(public start: string) {}
}

/**
 * Gives the messages of a publisher their ids: `<publisher>.<stream>-<number>`. A number is used when its message is
 * handed to the connection, so that a message which fails before leaves no hole. A message that the server refused leaves
 * one: its channel has another stream from then on. So has a channel that was evicted. No id is used twice.
 */
export class MessageIds {
  readonly #publisher: string;
  readonly #mark: string;
  readonly #streams: Readonly<Record<ChannelKind, ClockMap<Stream>>>;
  #count = 0;
  /** That of the message that was encoded last. */
  #encoded: Stream | undefined;

  /** `limit`: how many channels of each kind are counted at the same time. `mark`: what its streams begin with. */
  constructor(
    limit = MAX_STREAMS,
    mark = '',
    publisher = randomBytes(PUBLISHER_BYTES).toString('base64url'),
  ) {
    this.#publisher = publisher;
    this.#mark = mark;
    this.#streams = { channel: new ClockMap(limit), shard: new ClockMap(limit) };
  }

  /** Gives the same publisher ids whose streams begin with a mark. */
  marked(mark: string): MessageIds {
    return new MessageIds(MAX_STREAMS, mark, this.#publisher);
  }

  /**
   * Encodes a message that is sent now, with its id. `name` is Redis' name of the channel. Call {@link use} when it is
   * certain that it is sent. Throws what the codec throws.
   */
  encode(
    codec: MessageCodec,
    name: string,
    kind: ChannelKind,
    message: OutgoingMessage,
  ): string | Uint8Array {
    // Before the id is made: a `toJSON` of the data may publish, too.
    const begun = codec.begin(message);
    const stream = this.#streamOf(name, kind);
    const id = `${stream.start}${stream.last + 1}`;
    const payload = begun === undefined ? codec.encode(message, id) : endPacket(begun, id);
    this.#encoded = stream;
    return payload;
  }

  /**
   * Encodes a message that waits for the connection: it gets its id when it is sent. With a codec that needs the id
   * before, it has none; with a mark, the only one of a stream. Throws what the codec throws.
   */
  encodeWaiting(
    codec: MessageCodec,
    name: string,
    kind: ChannelKind,
    message: OutgoingMessage,
  ): OutgoingPayload {
    const begun = codec.begin(message);
    if (begun === undefined) {
      return codec.encode(message, this.#mark === '' ? undefined : `${this.#nextStart()}1`);
    }
    return new WaitingPayload(begun, () => this.#next(name, kind));
  }

  /** The message that was encoded last is sent: uses its number. */
  use(): void {
    if (this.#encoded) this.#encoded.last++;
  }

  /** The id of the message of a channel that was sent last. */
  lastOf(name: string, kind: ChannelKind): string {
    const { start, last } = this.#streamOf(name, kind);
    return `${start}${last}`;
  }

  /** A message on a channel was certainly not published, although it may have used a number. */
  restart(name: string, kind: ChannelKind): void {
    const stream = this.#streams[kind].get(name);
    // Several may be refused at once.
    if (!stream || stream.last === 0) return;
    stream.start = this.#nextStart();
    stream.last = 0;
  }

  #next(name: string, kind: ChannelKind): string {
    const stream = this.#streamOf(name, kind);
    return `${stream.start}${++stream.last}`;
  }

  #streamOf(name: string, kind: ChannelKind): Stream {
    const streams = this.#streams[kind];
    const known = streams.get(name);
    if (known) return known;
    const stream = new Stream(this.#nextStart());
    streams.add(name, stream);
    return stream;
  }

  #nextStart(): string {
    return `${this.#publisher}.${this.#mark}${(++this.#count).toString(36)}-`;
  }
}

/** A packet whose text is complete but for its id. */
class WaitingPayload implements LatePayload {
  readonly #begun: string;
  readonly #nextId: () => string;
  #id: string | undefined;

  constructor(begun: string, nextId: () => string) {
    this.#begun = begun;
    this.#nextId = nextId;
  }

  get length(): number {
    return this.#begun.length + END_BYTES;
  }

  get byteLength(): number {
    return Buffer.byteLength(this.#begun) + END_BYTES;
  }

  get id(): string | undefined {
    return this.#id;
  }

  complete(): string {
    this.#id = this.#nextId();
    return endPacket(this.#begun, this.#id);
  }
}
