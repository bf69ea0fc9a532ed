import type { Broker, ListEnd } from '../broker/broker.js';
import type { SubscriptionKey } from '../channel/subscription-key.js';
import { ClosedError, hasCode } from '../errors.js';
import { runOutside } from '../shared/async-context.js';
import { toError } from '../shared/to-error.js';

/** How many lists are read together. */
const MAX_READS = 500;
/** How many messages: more answers would hold the event loop. */
const MAX_MESSAGES = 2_000;
/** About how many bytes, as far as the sizes of messages are known. */
const MAX_BYTES = 8 * 1024 * 1024;
/** How many messages of one list. */
const MAX_COUNT = 1_000;
/** A short outage misses few messages. */
const FIRST_COUNT = 4;
/** What is read of a list, in relation to what was read before. */
const GROWTH = 4;
/** Live messages wait for a read: a late one is worth less than the news that there is none. */
const MAX_AGE_MS = 5_000;
const RETRY_DELAY_MS = 50;

/** A list to read from its end. */
export interface HistoryRead {
  readonly key: string;
  /** See `ListRead#subscription`. */
  readonly subscription?: SubscriptionKey | undefined;
  /** How many messages are read first; default 4. */
  readonly count?: number | undefined;
}

/** Takes the messages of a list, from the last ones back. Its methods must not throw. */
export interface HistoryTarget {
  /** Takes the messages before those that it has, in the order of the list. Returns whether it needs no more. */
  add(payloads: readonly Buffer[], serverId: string | undefined): boolean;
  /** The list does not have what it has taken: it begins again with the last ones. */
  clear(): void;
}

/** A list of which more is read. */
class Waiting {
  readonly since = performance.now();
  count: number;
  /** How many messages stand behind the oldest one that was read. */
  skip = 0;
  /** The oldest one that was read. Its place shows where the next ones end, although messages were added since. */
  #oldest: Buffer | undefined;
  #serverId: string | undefined;
  #taken = 0;
  #bytes = 0;

  constructor(
    readonly read: HistoryRead,
    readonly target: HistoryTarget,
    readonly resolve: () => void,
    readonly reject: (error: Error) => void,
  ) {
    this.count = Math.min(read.count ?? FIRST_COUNT, MAX_COUNT);
  }

  /** About how many bytes the next read has. */
  get bytes(): number {
    return this.count * this.#averageSize;
  }

  get #averageSize(): number {
    return this.#taken === 0 ? 0 : this.#bytes / this.#taken;
  }

  /** Takes what was read. Returns whether it was the last read. */
  take({ payloads, serverId, isWhole }: ListEnd): boolean {
    const before = this.#withoutTaken(payloads, serverId);
    if (!before) {
      this.#restart();
      return false;
    }
    this.#serverId = serverId;
    this.#oldest = before[0] ?? this.#oldest;
    this.#taken += before.length;
    for (const { length } of before) this.#bytes += length;
    if (this.target.add(before, serverId) || isWhole) return true;
    this.skip += payloads.length - 1;
    // Messages may be added as fast as they are read.
    this.count = before.length === 0 ? this.count * GROWTH : this.#nextCount;
    return false;
  }

  get #nextCount(): number {
    const mostBytes = Math.floor(MAX_BYTES / Math.max(this.#averageSize, 1));
    const count = Math.min(this.#taken * (GROWTH - 1), MAX_COUNT, mostBytes);
    // The oldest one that was read is read again.
    return Math.max(count, 1) + 1;
  }

  /** The messages before those that were taken; `undefined` if the list has changed too much to tell. */
  #withoutTaken(
    payloads: readonly Buffer[],
    serverId: string | undefined,
  ): readonly Buffer[] | undefined {
    const oldest = this.#oldest;
    if (!oldest) return payloads;
    if (serverId !== this.#serverId) return undefined;
    const at = payloads.findLastIndex((payload) => payload.equals(oldest));
    return at === -1 ? undefined : payloads.slice(0, at);
  }

  #restart(): void {
    this.target.clear();
    // Not limited: messages may be added faster than they are read.
    this.count = this.#taken * GROWTH;
    this.skip = this.#taken = this.#bytes = 0;
    this.#oldest = undefined;
  }
}

/**
 * Reads the lists of many channels, as after an outage: a few hundred together, the last messages of each first, and
 * those before them where these were not enough. So a reader that missed little costs Redis little.
 */
export class HistoryReader {
  readonly #broker: Pick<Broker, 'readLists'>;
  readonly #waiting: Waiting[] = [];
  #isReading = false;

  constructor(broker: Pick<Broker, 'readLists'>) {
    this.#broker = broker;
  }

  /**
   * Resolves when the target needs no more, or has the whole list. While there is no connection the read is repeated, for
   * five seconds. Rejects with a `ConnectionError` then, with a `ClosedError` after the close of the broker, and with the
   * reply of a Redis that refuses.
   */
  read(read: HistoryRead, target: HistoryTarget): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(new Waiting(read, target, resolve, reject));
      if (this.#isReading) return;
      this.#isReading = true;
      // Those that ask in this tick are read together.
      queueMicrotask(() => void this.#readAll());
    });
  }

  async #readAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#readBatch(this.#takeBatch());
    this.#isReading = false;
  }

  /** The next reads that are sent together. */
  #takeBatch(): Waiting[] {
    let [reads, messages, bytes] = [0, 0, 0];
    for (const waiting of this.#waiting) {
      messages += waiting.count;
      bytes += waiting.bytes;
      const isFull = reads === MAX_READS || messages > MAX_MESSAGES || bytes > MAX_BYTES;
      if (isFull && reads > 0) break;
      reads++;
    }
    return this.#waiting.splice(0, reads);
  }

  async #readBatch(batch: readonly Waiting[]): Promise<void> {
    let ends: readonly ListEnd[];
    try {
      ends = await this.#broker.readLists(
        batch.map(({ read: { key, subscription }, count, skip }) => ({
          key,
          subscription,
          count,
          skip,
        })),
      );
    } catch (error) {
      for (const { reject } of batch) reject(toError(error));
      return;
    }
    const failed = batch.filter((it, i) => this.#settle(it, ends[i] as ListEnd) === 'failed');
    if (failed.length > 0) this.#retryLater(failed);
  }

  #settle(waiting: Waiting, end: ListEnd): 'failed' | 'settled' {
    const { since, resolve, reject } = waiting;
    if (end.error !== undefined) {
      if (isOutage(end.error) && performance.now() - since < MAX_AGE_MS) return 'failed';
      reject(toError(end.error));
    } else if (waiting.take(end)) resolve();
    else this.#waiting.push(waiting);
    return 'settled';
  }

  #retryLater(failed: readonly Waiting[]): void {
    const retry = (): void => {
      this.#waiting.push(...failed);
      if (this.#isReading) return;
      this.#isReading = true;
      void this.#readAll();
    };
    runOutside(() => setTimeout(retry, RETRY_DELAY_MS));
  }
}

function isOutage(error: unknown): boolean {
  return hasCode(error, 'ERR_PUBSUB_CONNECTION');
}

/** Whether a read failed since the application has closed, which is no news. */
export function isClosed(error: unknown): boolean {
  return error instanceof ClosedError || hasCode(error, 'ERR_PUBSUB_CLOSED');
}
