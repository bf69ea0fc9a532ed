import type { DeliverySource } from '../broker/broker.js';
import type { LostMessages } from '../codec/codec.js';
import { ClockMap, type ClockEntry } from '../shared/clock-map.js';
import { MAX_STREAMS } from './message-ids.js';

const DASH = 45;
const ZERO = 48;
const NINE = 57;
/** A number with more digits may not be exact. */
const MAX_DIGITS = 15;

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

  constructor(public received: Received | undefined) {}
}

/**
 * Counts the messages that subscriptions did not receive, by the numbers in the message ids. Redis keeps the order of
 * one publisher on one channel, so that a number which is too large by k means k lost messages, and one which is not
 * larger means a duplicate. The messages before the first one of a stream are not counted, nor are those after its last
 * one: nothing tells whether there were any.
 */
export class LossCounter {
  readonly #streams: ClockMap<Stream>;
  #time = 0;

  /** `limit`: how many streams are counted at the same time. */
  constructor(limit = MAX_STREAMS) {
    this.#streams = new ClockMap(limit);
  }

  /** The number of messages so far. An observer that began later than a message cannot have lost what followed it. */
  get time(): number {
    return this.#time;
  }

  /** Counts a message. Returns the messages before it that the subscription has lost, if there are any. */
  count(source: DeliverySource, messageId: string): LostMessages | undefined {
    const keyEnd = keyEndOf(messageId);
    const number = keyEnd > 0 ? readNumber(messageId, keyEnd + 1) : 0;
    if (number === 0) return undefined;
    this.#time++;
    const key = messageId.slice(0, keyEnd);
    const received = this.#received(key, source, number);
    if (!received) return undefined;
    const { last, gaps, time } = received;
    if (number <= last) return undefined;
    received.last = number;
    received.gaps = source.gaps;
    received.time = this.#time;
    const count = number - last - 1;
    if (count === 0) return undefined;
    return { publisher: publisherOf(key), count, duringGap: gaps !== source.gaps, since: time };
  }

  /** A subscription received a message of an unknown publisher: its streams begin again. */
  restart(source: DeliverySource): void {
    source.period++;
  }

  /** What a subscription has received of a stream; nothing for the first message. */
  #received(key: string, source: DeliverySource, number: number): Received | undefined {
    const stream = this.#streams.get(key);
    for (let it = stream?.received; it; it = it.next) {
      if (it.source === source && it.period === source.period) return it;
    }
    const { period, gaps } = source;
    const next = withoutEnded(stream?.received);
    const first = { source, period, gaps, last: number, time: this.#time, next };
    if (stream) stream.received = first;
    else this.#streams.add(key, new Stream(first));
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

/** The digits of a text from there to its end; 0 if there are none. */
function readNumber(text: string, from: number): number {
  const { length } = text;
  let number = 0;
  for (let i = from; i < length; i++) number = number * 10 + text.charCodeAt(i) - ZERO;
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
