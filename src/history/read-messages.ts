import type { IncomingMessage } from '../codec/codec.js';
import type { HistoryTarget } from './history-reader.js';
import { isAt, isSameServer, type Position } from './position.js';

/** A message that a history kept. */
export interface KeptMessage {
  readonly id: string;
  /** That of the payload, see `Payload.checksum`. */
  readonly checksum: number;
  readonly message: IncomingMessage;
  readonly payload: Buffer;
}

/** What a history has behind a place. */
export interface HistoryAnswer {
  /** Whether {@link missed} has all messages behind the place. */
  readonly isRecovered: boolean;
  /** The messages behind the place; none unless it is recovered. */
  readonly missed: readonly KeptMessage[];
  /** The payloads behind the place that this process cannot read; none unless it is recovered. */
  readonly unreadable: readonly Buffer[];
  /** All messages that were read, from the last of them back. */
  readonly read: readonly KeptMessage[];
  readonly serverId: string | undefined;
}

/** What is looked for in a history. */
export interface HistoryQuery {
  /** The place behind which messages are looked for. */
  readonly place: Position | undefined;
  /** Without a place: how many messages are enough. */
  readonly limit: number;
  /** Reads a message; `undefined` if this process cannot. Must not throw. */
  readonly decode: (payload: Buffer) => KeptMessage | undefined;
}

/** Takes the messages of a list from its end, until they are enough. Each is decoded once. */
export class ReadMessages implements HistoryTarget {
  readonly #query: HistoryQuery;
  /** What was read, from the end of the list on. */
  #read: KeptMessage[][] = [];
  #missed: (readonly KeptMessage[])[] = [];
  #unreadable: Buffer[] = [];
  #count = 0;
  #isFound = false;
  #serverId: string | undefined;

  constructor(query: HistoryQuery) {
    this.#query = query;
  }

  add(payloads: readonly Buffer[], serverId: string | undefined): boolean {
    const { place, limit } = this.#query;
    this.#serverId = serverId;
    const read: KeptMessage[] = [];
    let missed: KeptMessage[] = [];
    let unreadable: Buffer[] = [];
    for (const payload of payloads) {
      const kept = this.#query.decode(payload);
      if (!kept) {
        unreadable.push(payload);
        continue;
      }
      read.push(kept);
      missed.push(kept);
      if (!place || !isAt(place, kept)) continue;
      this.#isFound = true;
      // These are before the place.
      missed = [];
      unreadable = [];
    }
    this.#read.push(read);
    this.#missed.push(missed);
    this.#unreadable = [...unreadable, ...this.#unreadable];
    this.#count += read.length;
    if (!place) return this.#count >= limit;
    return this.#isFound || !isSameServer(place, serverId);
  }

  clear(): void {
    this.#read = [];
    this.#missed = [];
    this.#unreadable = [];
    this.#count = 0;
    this.#isFound = false;
  }

  get answer(): HistoryAnswer {
    const { place } = this.#query;
    const serverId = this.#serverId;
    const read = this.#read.toReversed().flat();
    // A place that is not found may be before messages that Redis has removed.
    const isRecovered = place !== undefined && isSameServer(place, serverId) && this.#isFound;
    if (!isRecovered) return { isRecovered, missed: [], unreadable: [], read, serverId };
    const missed = this.#missed.toReversed().flat();
    return { isRecovered, missed, unreadable: this.#unreadable, read, serverId };
  }
}
