import type { DeliverySource } from '../broker/broker.js';
import type { LostMessages } from '../codec/codec.js';
import { visibleId } from '../codec/message-id.js';
import { ClockMap, type ClockEntry } from '../shared/clock-map.js';
import { MAX_STREAMS } from './message-ids.js';

const DASH = 45;
const ZERO = 48;
const NINE = 57;
/** A number with more digits may not be exact. */
const MAX_DIGITS = 15;

/** What {@link LossCounter.count} returns for a message whose number is not larger than the one before. */
export const REPEATED = 'repeated';

/** What one subscription has received of a stream. */
interface Received {
  readonly source: DeliverySource;
  /** The period of the source: a subscription that ended in between has lost nothing. */
  readonly period: number;
  /** The number of gaps that the source had. */
  gaps: number;
  /** The largest number. */
  last: number;
  /** When that was, see {@link LossCounter.time}. */
  time: number;
  next: Received | undefined;
}

/** The messages of one publisher on one channel. Most have one subscription here: the others are in a list. */
class Stream implements ClockEntry {
  isRecent = false;
  received: Received | undefined = undefined;

  /** `key` is what its message ids begin with. */
  constructor(readonly key: string) {}

  /** The number of a message of this stream; 0 for another message. */
  numberOf(messageId: string): number {
    const { length } = this.key;
    const isOfStream = messageId.charCodeAt(length) === DASH && messageId.startsWith(this.key);
    return isOfStream ? readNumber(messageId, length + 1) : 0;
  }
}

/**
 * Counts the messages that subscriptions did not receive, by the numbers in the message ids. Redis keeps the order of
 * one publisher on one channel, so that a number which is too large by k means k lost messages, and one which is not
 * larger means a duplicate. The messages before the first one of a stream are not counted, nor are those after its last
 * one: nothing tells whether there were any.
 */
export class LossCounter {
  readonly #streams: ClockMap<Stream>;
  /** That of the last message: several in a row often have the same, and need no search. */
  #recent: Stream | undefined;
  #time = 0;

  /** `limit`: how many streams are counted at the same time. */
  constructor(limit = MAX_STREAMS) {
    this.#streams = new ClockMap(limit);
  }

  /** The number of messages so far. An observer that began later than a message cannot have lost what followed it. */
  get time(): number {
    return this.#time;
  }

  /**
   * Counts a message; one without a number in its id is not counted. Returns the messages before it that the
   * subscription has lost, if there are any, or that it is a repeated one.
   */
  count(source: DeliverySource, messageId: string): LostMessages | typeof REPEATED | undefined {
    let stream = this.#recent;
    let number = stream?.numberOf(messageId) ?? 0;
    if (number === 0) {
      const keyEnd = keyEndOf(messageId);
      number = keyEnd > 0 ? readNumber(messageId, keyEnd + 1) : 0;
      stream = number === 0 ? undefined : this.#streamOf(messageId.slice(0, keyEnd));
      this.#recent = stream;
    }
    if (!stream) return undefined;
    this.#time++;
    stream.isRecent = true;
    const received = this.#received(stream, source, number);
    if (!received) return undefined;
    const { last, gaps, time } = received;
    if (number <= last) return REPEATED;
    received.last = number;
    received.gaps = source.gaps;
    received.time = this.#time;
    const count = number - last - 1;
    if (count === 0) return undefined;
    const publisher = publisherOf(stream.key);
    return { publisher, count, duringGap: gaps !== source.gaps, since: time };
  }

  /** A subscription received a message of an unknown publisher: its streams begin again. */
  restart(source: DeliverySource): void {
    source.period++;
  }

  #streamOf(key: string): Stream | undefined {
    const known = this.#streams.get(key);
    if (known || visibleId(key) === undefined) return known;
    const stream = new Stream(key);
    this.#streams.add(key, stream);
    return stream;
  }

  /** What a subscription has received of a stream; nothing for the first message. */
  #received(stream: Stream, source: DeliverySource, number: number): Received | undefined {
    for (let it = stream.received; it; it = it.next) {
      if (it.source === source && it.period === source.period) return it;
    }
    const { period, gaps } = source;
    const next = withoutEnded(stream.received);
    stream.received = { source, period, gaps, last: number, time: this.#time, next };
    return undefined;
  }
}

/** The list without the subscriptions that have ended: they may be many. */
function withoutEnded(list: Received | undefined): Received | undefined {
  let kept: Received | undefined;
  for (let it = list; it;) {
    const { next } = it;
    if (it.period === it.source.period) {
      it.next = kept;
      kept = it;
    }
    it = next;
  }
  return kept;
}

/** The place of the "-" before the digits at the end; -1 if there is none. `lastIndexOf` takes three times as long. */
function keyEndOf(id: string): number {
  let at = id.length - 1;
  const least = Math.max(at - MAX_DIGITS, 0);
  while (at > least && isDigit(id.charCodeAt(at))) at--;
  return id.charCodeAt(at) === DASH ? at : -1;
}

/** The number that a text ends with, from there on; 0 if it is none. */
function readNumber(text: string, from: number): number {
  const { length } = text;
  if (length - from > MAX_DIGITS) return 0;
  let number = 0;
  for (let i = from; i < length; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return 0;
    number = number * 10 + code - ZERO;
  }
  return number;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** A stream is called `<publisher>.<number>`. Publishers in other languages may call theirs as they like. */
function publisherOf(key: string): string {
  const end = key.indexOf('.');
  return end > 0 ? key.slice(0, end) : key;
}
