import { randomBytes } from 'node:crypto';
import type { ChannelKind } from '../channel/subscription-key.js';
import type { MessageCodec, OutgoingMessage } from '../codec/codec.js';
import { endPacket } from '../codec/json-codec.js';
import { ClockMap, type ClockEntry } from '../shared/clock-map.js';
import { byteLengthOf, type LatePayload, type OutgoingPayload } from '../shared/payload.js';

/** How many streams are counted at most, on each side. */
export const MAX_STREAMS = 10_000;

/** As 8 characters: each process and client is another publisher. Listeners find short keys faster. */
const PUBLISHER_BYTES = 6;

/**
 * The most bytes that `,"mid":"<publisher>.<stream>-<number>"` adds to a packet: 9 beside the id, 8 of the publisher,
 * 7 of the stream in base 36, 14 of the number, and 2 between them.
 */
const ID_BYTES = 40;

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
 * handed to the connection, so that a message which fails before leaves no hole. After the server has refused a message,
 * which leaves a hole, its channel has another stream; so has a channel that was evicted. No id is used twice.
 */
export class MessageIds {
  readonly #publisher = randomBytes(PUBLISHER_BYTES).toString('base64url');
  readonly #streams: Readonly<Record<ChannelKind, ClockMap<Stream>>>;
  #count = 0;

  /** `limit`: how many channels of each kind are counted at the same time. */
  constructor(limit = MAX_STREAMS) {
    this.#streams = { channel: new ClockMap(limit), shard: new ClockMap(limit) };
  }

  /** The payload of a message, with its id. `name` is Redis' name of the channel. Throws what the codec throws. */
  encode(
    codec: MessageCodec,
    name: string,
    kind: ChannelKind,
    message: OutgoingMessage,
  ): OutgoingPayload {
    const begun = codec.begin(message);
    if (begun === undefined) return new EncodedPayload(this, codec, message, { name, kind });
    return new BegunPayload(this, begun, name, kind);
  }

  /** The stream of a channel. */
  streamOf(name: string, kind: ChannelKind): Stream {
    const streams = this.#streams[kind];
    const known = streams.get(name);
    if (known) return known;
    const stream = new Stream(this.#nextStart());
    streams.add(name, stream);
    return stream;
  }

  /** The server refused a message of a stream. `start` is what the id of the message began with. */
  restart(stream: Stream, start: string): void {
    if (stream.start !== start) return;
    stream.start = this.#nextStart();
    stream.last = 0;
  }

  #nextStart(): string {
    return `${this.#publisher}.${(++this.#count).toString(36)}-`;
  }
}

/** A packet whose text is complete but for its id. */
class BegunPayload implements LatePayload {
  #stream: Stream | undefined;
  #start = '';

  constructor(
    private readonly ids: MessageIds,
    private readonly begun: string,
    private readonly name: string,
    private readonly kind: ChannelKind,
  ) {}

  get length(): number {
    return this.begun.length + END_BYTES;
  }

  get byteLength(): number {
    return Buffer.byteLength(this.begun) + END_BYTES;
  }

  complete(): string {
    const stream = this.ids.streamOf(this.name, this.kind);
    this.#stream = stream;
    this.#start = stream.start;
    return endPacket(this.begun, `${stream.start}${++stream.last}`);
  }

  onRefused(): void {
    if (this.#stream) this.ids.restart(this.#stream, this.#start);
  }
}

/**
 * A packet that a codec of the user encoded with its id, before its turn came. So it has an id only if it is sent at
 * once: {@link onDelayed} is called if not.
 */
export class EncodedPayload implements LatePayload {
  readonly #stream: Stream;
  readonly #start: string;
  #encoded: string | Uint8Array;
  #isNumbered = true;
  #isSent = false;

  constructor(
    private readonly ids: MessageIds,
    private readonly codec: MessageCodec,
    private readonly message: OutgoingMessage,
    { name, kind }: { readonly name: string; readonly kind: ChannelKind },
  ) {
    this.#stream = ids.streamOf(name, kind);
    this.#start = this.#stream.start;
    this.#encoded = codec.encode(message, `${this.#start}${this.#stream.last + 1}`);
  }

  get length(): number {
    return this.#encoded.length;
  }

  get byteLength(): number {
    return byteLengthOf(this.#encoded);
  }

  complete(): string | Uint8Array {
    // A message that another server redirected is sent again, with its id.
    if (this.#isNumbered && !this.#isSent) this.#stream.last++;
    this.#isSent = true;
    return this.#encoded;
  }

  /** It waits, and later messages may be sent before it, or without it. Throws what the codec throws. */
  onDelayed(): void {
    if (this.#isSent) return;
    this.#isNumbered = false;
    this.#encoded = this.codec.encode(this.message);
  }

  onRefused(): void {
    if (this.#isNumbered) this.ids.restart(this.#stream, this.#start);
  }
}
