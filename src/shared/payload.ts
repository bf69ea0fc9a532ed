import { crc32 } from 'node:zlib';

/** The payload of a message. It can be read while the message is delivered, and later only after `keep`. */
export interface Payload {
  /** The number of bytes. */
  readonly length: number;

  /** The byte at an index; `undefined` behind the end. */
  byteAt(index: number): number | undefined;

  /** Returns the payload as text. U+FFFD stands for bytes that are not UTF-8. */
  text(): string;

  /** Returns the bytes in a `Buffer` that may be kept: it keeps nothing of the socket. */
  bytes(): Buffer;

  /** Returns the CRC-32 of the bytes, which are not copied. */
  checksum(): number;

  /** Copies the bytes if necessary, so that the payload can be read after the delivery. */
  keep(): void;
}

/** The line end after a payload. */
const END_LENGTH = 2;

/**
 * A payload in the chunk that Node read from the socket. A chunk has up to 64 KiB, and lives as long as a view of
 * seven bytes of it. So the payload refers to its chunk until `release` only, and is no view of it.
 */
export class ChunkPayload implements Payload {
  #chunk: Buffer | undefined;
  #from: number;
  readonly length: number;
  #isKept = false;

  /** The payload begins at `from`, and ends before `to`. */
  constructor(chunk: Buffer, from = 0, to = chunk.length) {
    this.#chunk = chunk;
    this.#from = from;
    this.length = to - from;
  }

  byteAt(index: number): number | undefined {
    return index < this.length ? this.#readable[this.#from + index] : undefined;
  }

  text(): string {
    return this.#readable.toString(undefined, this.#from, this.#from + this.length);
  }

  bytes(): Buffer {
    const chunk = this.#readable;
    const end = this.#from + this.length;
    if (this.#owns(chunk)) return chunk.subarray(this.#from, end);
    // Not `Buffer.from`, whose bytes are a view of a pool.
    const own = Buffer.allocUnsafeSlow(this.length);
    chunk.copy(own, 0, this.#from, end);
    return own;
  }

  checksum(): number {
    return crc32(this.#readable.subarray(this.#from, this.#from + this.length));
  }

  keep(): void {
    if (this.#isKept) return;
    this.#chunk = this.bytes();
    this.#from = 0;
    this.#isKept = true;
  }

  /** The delivery has ended: forgets the chunk, unless the payload is kept. */
  release(): void {
    if (!this.#isKept) this.#chunk = undefined;
  }

  /**
   * Whether it is the most of its chunk, and nothing follows. A handler may transfer the whole memory of its bytes to
   * another thread, and messages that follow would be lost.
   */
  #owns({ buffer: { byteLength }, byteOffset }: Buffer): boolean {
    const end = byteOffset + this.#from + this.length;
    return this.length * 2 >= byteLength && end + END_LENGTH >= byteLength;
  }

  get #readable(): Buffer {
    if (this.#chunk) return this.#chunk;
    throw new Error('The payload was read after its delivery');
  }
}

/** A payload that waits for a connection, and is completed when it is handed to it. */
export interface LatePayload {
  /** About how many characters or bytes it will have, and not fewer. */
  readonly length: number;
  /** The most bytes that it will have. */
  readonly byteLength: number;
  /** The id of the message; `undefined` before it was completed. */
  readonly id: string | undefined;
  /** Returns what is sent. Called once for each attempt to send it. */
  complete(): string | Uint8Array;
}

/** What a broker publishes. */
export type OutgoingPayload = string | Uint8Array | LatePayload;

/** Returns the text or the bytes to send now. */
export function completed(payload: OutgoingPayload): string | Uint8Array {
  return isLate(payload) ? payload.complete() : payload;
}

/** Whether a payload waits for a connection. */
export function isLate(payload: OutgoingPayload): payload is LatePayload {
  return typeof payload !== 'string' && !(payload instanceof Uint8Array);
}

/** The number of bytes to send; of a {@link LatePayload}, the most that there will be. */
export function byteLengthOf(payload: OutgoingPayload): number {
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength;
}
