import type { Delivery, PubSubGap } from '../broker/broker.js';
import type { SubscriptionKey } from '../channel/subscription-key.js';
import type { IncomingMessage } from '../codec/codec.js';
import type { History, HistoryChannel } from './history.js';
import { isKeptId, LastNumbers } from './kept-id.js';
import {
  formatPosition,
  isSameServer,
  parsePosition,
  positionBehind,
  type Position,
} from './position.js';
import type { HistoryAnswer, KeptMessage } from './read-messages.js';

/** How many live messages wait for a read. */
const MAX_WAITING = 10_000;
/** The size of their payloads. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** What became of the messages that were published during an outage, or since a position. */
export interface RecoveryOutcome {
  /** The outage; absent for the first subscription, and where single messages were lost. */
  readonly gap?: PubSubGap;
  /** Whether all of them are handed out. If not, none of them is. */
  readonly recovered: boolean;
  /** Whether the connection was up, and messages did not arrive. Reported if these cannot be recovered. */
  readonly isRepair?: boolean;
}

/** What is to be recovered. */
type Missing = Omit<RecoveryOutcome, 'recovered'>;

/** Receives the messages of a {@link Recovery}. Must not throw. */
export interface RecoveryTarget {
  /** Called at each acknowledgement, before the messages that were missed. */
  onOutcome(outcome: RecoveryOutcome): void;
  /** Called with each message, in order. {@link Recovery.position} is the place behind it. */
  onMessage(message: IncomingMessage, delivery: Delivery): void;
}

/** What a {@link Recovery} is about. */
export interface RecoveryOptions extends HistoryChannel {
  readonly subscription: SubscriptionKey;
  /** The position behind the last message that was handled. */
  readonly since?: string | undefined;
  /** `last`: hands out the newest message only, also where others were lost. */
  readonly mode?: 'all' | 'last' | undefined;
}

/** A live message. */
interface Live {
  readonly message: IncomingMessage;
  readonly delivery: Delivery;
}

/**
 * Hands the messages of one channel to a listener: after an outage first those that it missed, or the news that they
 * cannot be known. Live messages wait until then.
 *
 * It keeps the id of the last message, and looks for it in the history after each acknowledgement. All that stands behind
 * it was missed. A history of another server is not trusted: a replica may not have had all messages.
 */
export class Recovery {
  readonly #history: History;
  readonly #options: RecoveryOptions;
  readonly #target: RecoveryTarget;
  #position: Position | undefined;
  /** The server that was read last, which publishes the live messages. */
  #serverId: string | undefined;
  /**
   * Until when the position may be behind a message that was not handed out. A live copy of it may be on its way when
   * the history is read. A connection that is lost before then leaves that open.
   */
  #uncertainUntil: Date | undefined;
  /** The messages that arrived since a read began; `undefined` while none is under way. */
  #waiting: Live[] | undefined;
  #waitingBytes = 0;
  /** What the read under way is to recover. */
  #missing: Missing | undefined;
  /** What was read over the current connection, until its live copies have passed. */
  #passed: { readonly numbers: LastNumbers; readAt: Date } | undefined;
  /** With `mode: 'last'`: the message that was read, until its live copy has passed. Others may be older until then. */
  #newest: { readonly message: KeptMessage; readonly readAt: Date } | undefined;
  /** How many of the waiting messages arrived before the read under way: the list has none that is older than these. */
  #arrivedBefore = 0;
  /** The last message that the history was read for. */
  #lastChecked: IncomingMessage | undefined;
  #isClosed = false;
  /** Tells the current read from earlier ones. */
  #reads = 0;

  constructor(history: History, options: RecoveryOptions, target: RecoveryTarget) {
    this.#history = history;
    this.#options = options;
    this.#target = target;
    // The first read follows the acknowledgement: what arrives before it is not handed out before it.
    this.#waiting = [];
    if (options.since !== undefined) this.#position = parsePosition(options.since);
  }

  /** The position behind the last message that was handed out; `undefined` if it is not known. */
  get position(): string | undefined {
    return formatPosition(this.#position);
  }

  /**
   * The position to go on from in another recovery. `deliveredUntil` is the time until which each message has arrived:
   * `undefined` where a message before the position may have been published since.
   */
  positionAt(deliveredUntil: Date | undefined): string | undefined {
    const until = this.#uncertainUntil;
    const isCertain = !until || (deliveredUntil !== undefined && deliveredUntil > until);
    return isCertain ? this.position : undefined;
  }

  /**
   * Redis has acknowledged the subscription, for the first time or after an outage. Must be called before the next
   * message is.
   */
  onSubscribed(gap?: PubSubGap): void {
    if (this.#isClosed) return;
    if (gap) this.#onOutage(gap);
    this.#start(gap ? { gap } : {});
  }

  /** A live message has arrived. */
  onMessage(message: IncomingMessage, delivery: Delivery): void {
    if (this.#isClosed) return;
    // It may be of a new connection, whose gap is not known yet.
    if (delivery.source?.isSubscribed === false) this.#waiting ??= [];
    this.#pass({ message, delivery });
  }

  /** Nothing is handed out from this call on. */
  close(): void {
    this.#isClosed = true;
    this.#reads++;
    this.#waiting = undefined;
  }

  #onOutage({ from }: PubSubGap): void {
    // They are older than the outage, and what was kept of them stands in the history.
    const waiting = this.#waiting?.filter(({ message }) => !isKeptId(message.messageId));
    this.#setWaiting(waiting);
    this.#passed = this.#newest = undefined;
    // A later outage must find it so, too: this one may interrupt its read.
    if (this.#uncertainUntil && from <= this.#uncertainUntil) this.#position = undefined;
  }

  /** Reads what was missed. */
  #start(missing: Missing): void {
    const read = ++this.#reads;
    this.#waiting ??= [];
    this.#arrivedBefore = this.#waiting.length;
    this.#missing = this.#missing ? joined(this.#missing, missing) : missing;
    const { subscription, mode } = this.#options;
    const place = mode === 'last' ? undefined : this.#position;
    this.#history
      .readFrom(this.#options, place, {
        subscription,
        ...(!place && { count: 1, limit: 1 }),
      })
      .then(
        (answer) => {
          if (read !== this.#reads) return;
          this.#serverId = answer.serverId;
          if (mode === 'last') this.#mergeLast(answer);
          else if (answer.isRecovered) this.#merge(answer);
          else this.#startAgain(answer);
        },
        (error: unknown) => {
          if (read === this.#reads) this.#giveUp(error);
        },
      );
  }

  /** Hands out what was missed, and then the live messages that are not among it. */
  #merge({ missed, unreadable, read, serverId }: HistoryAnswer): void {
    this.#uncertainUntil = undefined;
    this.#addPassed(read);
    this.#end({ recovered: true });
    this.#history.reportUnreadable(this.#options, unreadable);
    this.#handOut(missed, serverId);
    this.#flush();
  }

  /** The missed messages are not known: goes on with the live ones. */
  #startAgain({ read, serverId }: HistoryAnswer): void {
    this.#position = positionBehind(read.at(-1), serverId);
    this.#uncertainUntil = this.#position && new Date();
    this.#end({ recovered: false });
    this.#flush();
  }

  /** Hands out the newest message, unless it was handed out before. */
  #mergeLast({ read, serverId }: HistoryAnswer): void {
    const newest = read.slice(-1);
    const isNew = newest[0]?.id !== this.#position?.id;
    // Another server may have an older one.
    const isSame = !this.#position || isSameServer(this.#position, serverId);
    this.#addPassed(newest);
    this.#position = positionBehind(newest[0], serverId);
    if (isNew || !this.#newest) {
      this.#newest = newest[0] && { message: newest[0], readAt: new Date() };
    }
    this.#end({ recovered: isSame && newest.length > 0 });
    if (isNew) this.#handOut(newest, serverId);
    this.#removeOlder();
    this.#flush();
  }

  /** Removes the live messages that are known to be older than the newest one. */
  #removeOlder(): void {
    const newest = this.#newest;
    if (!newest) return;
    const waiting = this.#waiting ?? [];
    const at = waiting.findLastIndex((live) => isCopyOf(newest.message, live));
    if (at !== -1) this.#newest = undefined;
    const from = at === -1 ? this.#arrivedBefore : at + 1;
    this.#setWaiting(waiting.filter(({ message }, i) => i >= from || !isKeptId(message.messageId)));
  }

  #giveUp(error: unknown): void {
    this.#reads++;
    this.#history.reportFailure(this.#options, error);
    this.#position = this.#serverId = this.#newest = undefined;
    this.#end({ recovered: false });
    this.#flush();
  }

  /** The read has ended. */
  #end({ recovered }: { readonly recovered: boolean }): void {
    const missing = this.#missing ?? {};
    this.#missing = undefined;
    if (recovered && missing.isRepair) return;
    this.#target.onOutcome({ ...missing, recovered });
  }

  #handOut(messages: readonly KeptMessage[], serverId: string | undefined): void {
    for (const it of messages) {
      if (this.#isClosed) return;
      this.#position = positionBehind(it, serverId);
      this.#target.onMessage(it.message, this.#history.deliveryOf(this.#options, it));
    }
  }

  #flush(): void {
    const waiting = this.#waiting ?? [];
    this.#setWaiting(undefined);
    for (const live of waiting) this.#pass(live);
    // A read that one of them has begun is not sent yet.
    this.#arrivedBefore = this.#waiting?.length ?? 0;
  }

  #pass(live: Live): void {
    if (this.#isClosed) return;
    const { message, delivery } = live;
    if (this.#waiting) this.#wait(this.#waiting, live);
    else if (isKeptId(message.messageId)) this.#onKept(message.messageId, live);
    else this.#target.onMessage(message, delivery);
  }

  #setWaiting(waiting: Live[] | undefined): void {
    this.#waiting = waiting;
    this.#waitingBytes = (waiting ?? []).reduce((sum, it) => sum + it.delivery.payload.length, 0);
  }

  #wait(waiting: Live[], live: Live): void {
    const { payload } = live.delivery;
    payload.keep();
    waiting.push(live);
    this.#waitingBytes += payload.length;
    if (waiting.length <= MAX_WAITING && this.#waitingBytes <= MAX_WAITING_BYTES) return;
    this.#giveUp(new Error(`${waiting.length} messages arrived before the answer`));
  }

  #onKept(id: string, live: Live): void {
    const { message, delivery } = live;
    if (this.#newest && isCopyOf(this.#newest.message, live)) this.#newest = undefined;
    if (this.#hasPassed(id)) return;
    if (this.#mayBeOlder()) {
      this.#setWaiting([]);
      this.#pass(live);
      this.#start({ isRepair: true });
      return;
    }
    if (this.#isToCheck(message)) {
      this.#lastChecked = message;
      if (this.#uncertainUntil) this.#position = undefined;
      this.#setWaiting([]);
      this.#pass(live);
      this.#start({ isRepair: true });
      return;
    }
    // A repeated one is not the newest one, or is another one with the same id.
    if (!message.isRepeated) this.#moveTo(id, delivery);
    this.#target.onMessage(message, delivery);
  }

  /** Whether a live message may be older than the newest one that was read. The next read tells. */
  #mayBeOlder(): boolean {
    if (!this.#newest) return false;
    const isDelivered = this.#history.isDelivered(this.#options.subscription, this.#newest.readAt);
    if (isDelivered) this.#newest = undefined;
    return !isDelivered;
  }

  #moveTo(id: string, { payload }: Delivery): void {
    this.#uncertainUntil = undefined;
    if (this.#serverId === undefined) return;
    this.#position = positionBehind({ id, checksum: payload.checksum() }, this.#serverId);
  }

  /**
   * Whether messages before this one did not arrive, although the connection is up, or it has the id of an earlier one.
   * The history is read once for it.
   */
  #isToCheck(message: IncomingMessage): boolean {
    const { lost, isRepeated } = message;
    if (this.#options.mode === 'last' || message === this.#lastChecked) return false;
    return isRepeated === true || (lost !== undefined && !lost.duringGap);
  }

  #addPassed(read: readonly KeptMessage[]): void {
    this.#passed ??= { numbers: new LastNumbers(), readAt: new Date() };
    this.#passed.numbers.add(read);
    this.#passed.readAt = new Date();
  }

  /** Whether a live message is the copy of one that was read from the history. */
  #hasPassed(id: string): boolean {
    if (!this.#passed) return false;
    const { numbers, readAt } = this.#passed;
    if (!this.#history.isDelivered(this.#options.subscription, readAt)) return numbers.includes(id);
    this.#passed = undefined;
    return false;
  }
}

/** Whether a live message is the copy of one that was read. */
function isCopyOf({ id, checksum }: KeptMessage, { message, delivery }: Live): boolean {
  return message.messageId === id && delivery.payload.checksum() === checksum;
}

/** Two outages, of which the later one has interrupted the read of the other one. */
function joined(earlier: Missing, later: Missing): Missing {
  const [from, to] = [(earlier.gap ?? later.gap)?.from, (later.gap ?? earlier.gap)?.to];
  return from && to ? { gap: { from, to } } : later;
}
