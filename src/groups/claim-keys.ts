import { createHash } from 'node:crypto';
import type { IncomingMessage } from '../codec/codec.js';
import { ClockMap, type ClockEntry } from '../shared/clock-map.js';
import { MAX_STREAMS } from '../transport/message-ids.js';
import { requestIdOf } from '../transport/request-id.js';

/** An id of our own publishers: their streams are numbered without holes, and so their claims are bits. */
const NUMBERED = /^([\w-]{8}\.[0-9a-z]{1,11})-([1-9]\d{0,14})$/;

/** How many numbers have one key. It then has 1 KiB, and a new one is needed seldom. */
const BLOCK_SIZE = 8_192;

/** 132 bits: no publisher can find the key of another message. */
const DIGEST_LENGTH = 22;

/** Where the claim of a message is: at a bit of a key, or at the key as a whole. */
export interface ClaimKey {
  readonly key: string;
  readonly bit?: number;
}

/** A stream whose messages were claimed before. */
interface Stream extends ClockEntry {
  readonly channel: string;
  readonly start: string;
}

/**
 * The keys of the claims of one group. A key names the channel of its message, so that a message on one channel never
 * counts as that of another, whatever id its publisher gives it. Its length is limited.
 */
export class ClaimKeys {
  readonly #start: string;
  readonly #streams = new ClockMap<Stream>(MAX_STREAMS);

  /** All keys begin with `start`. */
  constructor(start: string) {
    this.#start = start;
  }

  /**
   * The claim of a message: by its id, or that of a request by its inbox and its number. `undefined` for an event without
   * an id. `channel` is Redis' name.
   */
  of(channel: string, message: IncomingMessage): ClaimKey | undefined {
    const { messageId } = message;
    if (messageId !== undefined) {
      const [, stream, number] = NUMBERED.exec(messageId) ?? [];
      return stream === undefined
        ? { key: this.#keyOf(channel, 'message', messageId) }
        : this.#numbered(channel, stream, Number(number));
    }
    const requestId = requestIdOf(message);
    return requestId === undefined
      ? undefined
      : { key: this.#keyOf(channel, 'request', requestId) };
  }

  #numbered(channel: string, stream: string, number: number): ClaimKey {
    const block = Math.floor(number / BLOCK_SIZE);
    return { key: `${this.#startOf(channel, stream)}.${block}`, bit: number % BLOCK_SIZE };
  }

  #startOf(channel: string, stream: string): string {
    const known = this.#streams.get(stream);
    if (known?.channel === channel) return known.start;
    const start = this.#keyOf(channel, 'stream', stream);
    // A stream belongs to one channel. An id of another channel was made up.
    if (!known) this.#streams.add(stream, { isRecent: false, channel, start });
    return start;
  }

  #keyOf(channel: string, kind: string, id: string): string {
    const digest = createHash('sha256').update(`${kind}\0${channel}\0${id}`).digest('base64url');
    return this.#start + digest.slice(0, DIGEST_LENGTH);
  }
}
