import type { SubscriptionKind } from '../../channel/subscription-key.js';
import { ChunkPayload } from '../../shared/payload.js';
import { CR, DOLLAR, ValueSkipper } from './value-skipper.js';

/** The byte that an array of RESP2 or RESP3 begins with. */
export const ARRAY = 42;
/** The byte that a push of RESP3 begins with. */
export const PUSH = 62;

const ZERO = 48;
const FOUR = 52;
const SEVEN = 55;

/** Where the length of a channel name is in the first bytes of a frame. */
const KIND_LENGTH_AT = 5;

/** The end of a frame that is no message. */
const NO_MESSAGE = 0;

/** How many bytes are joined at least with a frame whose length is not known yet. */
const LOOK_AHEAD = 64;

/** Longer names are decoded each time. */
const MAX_REPEATED_NAME = 256;

/** How the messages of one kind begin, after the first byte, up to the length of the first name. */
interface Head {
  readonly kind: SubscriptionKind;
  readonly bytes: Uint8Array;
  readonly hasPattern: boolean;
}

const MESSAGE = headOf('channel', '3\r\n$7\r\nmessage\r\n$');
const SMESSAGE = headOf('shard', '3\r\n$8\r\nsmessage\r\n$');
const PMESSAGE = headOf('pattern', '4\r\n$8\r\npmessage\r\n$');

function headOf(kind: SubscriptionKind, text: string): Head {
  return { kind, bytes: Uint8Array.from(Buffer.from(text)), hasPattern: kind === 'pattern' };
}

/** Takes the messages that a {@link FrameReader} reads. Its functions must not throw. */
export interface MessageTarget {
  /** Whether it takes a message of this kind whose frame begins with this byte. The frame is passed on otherwise. */
  accepts(kind: SubscriptionKind, type: number): boolean;

  /** A message has arrived. `subscription` is the channel, or the glob that matched. */
  onMessage(
    kind: SubscriptionKind,
    subscription: string,
    channel: string,
    payload: ChunkPayload,
  ): void;
}

/**
 * Reads the messages of Pub/Sub from the chunks of a socket, in RESP2 and RESP3, and passes on all other bytes. It
 * decodes a payload only when it is asked for, and copies nothing but a frame that a chunk cuts, once.
 *
 * @see https://redis.io/docs/latest/develop/pubsub/#format-of-pushed-messages
 */
export class FrameReader {
  readonly #target: MessageTarget;
  readonly #onOther: (bytes: Buffer) => void;
  readonly #skipper = new ValueSkipper();
  readonly #patterns = new RepeatedName();
  readonly #channels = new RepeatedName();
  /** What has arrived of a message that a chunk cuts. */
  #parts: Buffer[] = [];
  #partsLength = 0;
  /** How many bytes its frame has at least. */
  #neededLength = 0;
  /** Whether these are all. */
  #isLengthKnown = false;
  #patternFrom = 0;
  #patternTo = 0;
  #channelFrom = 0;
  #channelTo = 0;
  /** The last bulk string that was read. */
  #from = 0;
  #to = 0;
  /** The bytes that are being read. */
  #data: Buffer | undefined;

  /** `onOther` takes all other bytes, in their place between the messages. They may be cut anywhere. It must not throw. */
  constructor(target: MessageTarget, onOther: (bytes: Buffer) => void) {
    this.#target = target;
    this.#onOther = onOther;
  }

  /** Reads the next bytes of the socket. */
  read(chunk: Buffer): void {
    let at = 0;
    while (this.#partsLength > 0 && at < chunk.length) at = this.#join(chunk, at);
    if (at < chunk.length) this.#readFrames(at === 0 ? chunk : chunk.subarray(at));
  }

  /** The bytes of the channel of the message that is being delivered, in a `Buffer` that may be kept. */
  channelBytes(): Buffer {
    if (!this.#data) throw new Error('The name of a channel was read after its delivery');
    // Not a view: it would keep the whole chunk.
    return Buffer.from(this.#data.subarray(this.#channelFrom, this.#channelTo));
  }

  /** Adds bytes to the message that was cut, and reads it if it is complete. Returns the end of these bytes. */
  #join(chunk: Buffer, at: number): number {
    const missing = this.#neededLength - this.#partsLength;
    const wanted = this.#isLengthKnown ? missing : Math.max(missing, LOOK_AHEAD);
    const end = Math.min(at + wanted, chunk.length);
    this.#parts.push(chunk.subarray(at, end));
    this.#partsLength += end - at;
    if (this.#partsLength >= this.#neededLength) {
      const joined = Buffer.concat(this.#parts, this.#partsLength);
      this.#parts = [];
      this.#partsLength = 0;
      this.#readFrames(joined);
    }
    return end;
  }

  #readFrames(data: Buffer): void {
    let at = this.#skipper.isInside ? this.#skipper.resume(data) : 0;
    let other = 0;
    this.#data = data;
    while (at < data.length) {
      const head = findHead(data, at);
      const end = head ? this.#findEnd(head, data, at) : NO_MESSAGE;
      if (!head || end === NO_MESSAGE) {
        at = this.#skipper.skip(data, at);
        continue;
      }
      if (end > data.length) {
        this.#hold(data.subarray(at), end - at);
        break;
      }
      // What was sent before a message is handled before it: it may be the acknowledgement of its subscription.
      this.#passOn(data, other, at);
      other = at;
      if (this.#target.accepts(head.kind, data[at] as number)) {
        this.#deliver(head, data);
        other = end;
      }
      at = end;
    }
    this.#data = undefined;
    this.#passOn(data, other, at);
  }

  #hold(part: Buffer, neededLength: number): void {
    this.#parts = [part];
    this.#partsLength = part.length;
    this.#neededLength = neededLength;
  }

  #passOn(data: Buffer, from: number, to: number): void {
    if (from === to) return;
    this.#onOther(to - from === data.length ? data : data.subarray(from, to));
  }

  #deliver({ kind, hasPattern }: Head, data: Buffer): void {
    const channel = this.#channels.read(data, this.#channelFrom, this.#channelTo);
    const subscription = hasPattern
      ? this.#patterns.read(data, this.#patternFrom, this.#patternTo)
      : channel;
    const payload = new ChunkPayload(data, this.#from, this.#to);
    this.#target.onMessage(kind, subscription, channel, payload);
  }

  /** Where a message ends. Beyond the data if it is cut there, and then at least so far. */
  #findEnd({ bytes, hasPattern }: Head, data: Buffer, at: number): number {
    let next = at + 1 + bytes.length;
    this.#isLengthKnown = false;
    // It may be a shorter frame, which the next byte shows.
    if (next > data.length) return data.length + 1;
    if (hasPattern) {
      next = this.#readName(data, next);
      if (next === NO_MESSAGE || next > data.length) return next;
      this.#patternFrom = this.#from;
      this.#patternTo = this.#to;
    }
    next = this.#readName(data, next);
    if (next === NO_MESSAGE || next > data.length) return next;
    this.#channelFrom = this.#from;
    this.#channelTo = this.#to;
    return this.#readBulk(data, next);
  }

  /** Reads a name, and the first byte of the bulk string after it. Returns its end, as {@link FrameReader.#findEnd}. */
  #readName(data: Buffer, at: number): number {
    const end = this.#readBulk(data, at);
    this.#isLengthKnown = false;
    if (end === NO_MESSAGE || end > data.length) return end;
    if (end < data.length && data[end] !== DOLLAR) return NO_MESSAGE;
    return end + 1;
  }

  /** Reads a bulk string from its length on, which is no number if it is null. Returns its end, likewise. */
  #readBulk(data: Buffer, at: number): number {
    let size = 0;
    let next = at;
    for (; next < data.length; next++) {
      const digit = (data[next] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      size = size * 10 + digit;
    }
    if (next === data.length) return next + 1;
    if (next === at || data[next] !== CR) return NO_MESSAGE;
    this.#isLengthKnown = true;
    this.#from = next + 2;
    this.#to = this.#from + size;
    return this.#to + 2;
  }
}

/** The kind of message that a frame is, as far as its first bytes show. */
function findHead(data: Buffer, at: number): Head | undefined {
  const type = data[at];
  if (type !== PUSH && type !== ARRAY) return undefined;
  const head = probableHead(data, at);
  const { bytes } = head;
  const length = Math.min(bytes.length, data.length - at - 1);
  for (let i = 0; i < length; i++) {
    if (data[at + 1 + i] !== bytes[i]) return undefined;
  }
  return head;
}

function probableHead(data: Buffer, at: number): Head {
  if (at + KIND_LENGTH_AT >= data.length) return data[at + 1] === FOUR ? PMESSAGE : MESSAGE;
  if (data[at + 1] === FOUR) return PMESSAGE;
  return data[at + KIND_LENGTH_AT] === SEVEN ? MESSAGE : SMESSAGE;
}

/** A name that most messages of a connection repeat: one text for the same bytes. */
class RepeatedName {
  readonly #bytes = new Uint8Array(MAX_REPEATED_NAME);
  #length = -1;
  #text = '';

  read(data: Buffer, from: number, to: number): string {
    const length = to - from;
    if (length > MAX_REPEATED_NAME) return data.toString(undefined, from, to);
    const bytes = this.#bytes;
    let isSame = length === this.#length;
    for (let i = 0; i < length; i++) {
      const byte = data[from + i] as number;
      if (bytes[i] !== byte) {
        bytes[i] = byte;
        isSame = false;
      }
    }
    if (isSame) return this.#text;
    this.#length = length;
    this.#text = data.toString(undefined, from, to);
    return this.#text;
  }
}
