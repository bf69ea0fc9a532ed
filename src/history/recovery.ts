import type { Delivery, PubSubGap } from '../broker/broker.js';
import type { SubscriptionKey } from '../channel/subscription-key.js';
import type { IncomingMessage } from '../codec/codec.js';
import type { History, HistoryChannel } from './history.js';
import { isFirst, isKeptId, isOfOtherStream } from './kept-id.js';
import {
  formatPosition,
  isSameServer,
  parsePosition,
  positionBehind,
  type Position,
} from './position.js';
import { ReadCopies } from './read-copies.js';
import type { HistoryAnswer, KeptMessage } from './read-messages.js';
import { WaitingMessages, type Live } from './waiting-messages.js';

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
  #waiting: WaitingMessages | undefined;
  /** What the read under way is to recover. */
  #missing: Missing | undefined;
  /** What was read over the current connection, until its live copies have arrived. */
  #copies: ReadCopies | undefined;
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
    this.#waiting = new WaitingMessages();
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
    if (delivery.source?.isSubscribed === false) this.#waiting ??= new WaitingMessages();
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
    this.#waiting?.removeKept();
    this.#copies = undefined;
    // A later outage must find it so, too: this one may interrupt its read.
    if (this.#uncertainUntil && from <= this.#uncertainUntil) this.#position = undefined;
  }

  /** Reads what was missed. */
  #start(missing: Missing): void {
    const read = ++this.#reads;
    this.#waiting ??= new WaitingMessages();
    this.#waiting.onRead();
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
          else this.#startAgain(answer, place);
        },
        (error: unknown) => {
          if (read === this.#reads) this.#giveUp(error);
        },
      );
  }

  /** Hands out what was missed, and then the live messages that are not among it. */
  #merge({ missed, unreadable, read, serverId }: HistoryAnswer): void {
    this.#uncertainUntil = undefined;
    const copies = this.#addCopies(read);
    this.#end({ recovered: true });
    this.#history.reportUnreadable(this.#options, unreadable);
    this.#handOut(missed, serverId);
    this.#waiting?.removeOlder(copies);
    this.#flush();
  }

  /** The missed messages are not known: goes on with the live ones. */
  #startAgain({ read, serverId }: HistoryAnswer, place: Position | undefined): void {
    this.#position = positionBehind(read.at(-1), serverId);
    this.#end({ recovered: false });
    if (place && !isSameServer(place, serverId) && !this.#history.isOrdered(this.#options)) {
      // The slot has moved. Late copies of the old owner may be of messages that were handed out.
      this.#waiting?.removeOlder(this.#addCopies(read));
    } else {
      this.#uncertainUntil = this.#position && new Date();
      if (this.#copies) this.#waiting?.removeUntilCopy(this.#copies);
    }
    this.#flush();
  }

  /** Hands out the newest message, unless it was handed out before. */
  #mergeLast({ read, serverId }: HistoryAnswer): void {
    const newest = read.slice(-1);
    const isNew = newest[0]?.id !== this.#position?.id;
    // Another server may have an older one.
    const isSame = !this.#position || isSameServer(this.#position, serverId);
    // What stands before it was not read: of other publishers nothing is known.
    this.#copies = undefined;
    const copies = this.#addCopies(newest);
    this.#position = positionBehind(newest[0], serverId);
    this.#end({ recovered: isSame && newest.length > 0 });
    if (isNew) this.#handOut(newest, serverId);
    this.#waiting?.removeOlder(copies);
    this.#flush();
  }

  #giveUp(error: unknown): void {
    this.#reads++;
    this.#history.reportFailure(this.#options, error);
    this.#position = this.#serverId = undefined;
    this.#end({ recovered: false });
    if (this.#copies) this.#waiting?.removeUntilCopy(this.#copies);
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
    for (const live of this.#takeWaiting()) this.#pass(live);
    // A read that one of them has begun is not sent yet.
    this.#waiting?.onRead();
  }

  #takeWaiting(): Iterable<Live> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting ?? [];
  }

  #pass(live: Live): void {
    if (this.#isClosed) return;
    const { message, delivery } = live;
    if (this.#waiting) this.#wait(this.#waiting, live);
    else if (isKeptId(message.messageId)) this.#onKept(message.messageId, live);
    else this.#target.onMessage(message, delivery);
  }

  #wait(waiting: WaitingMessages, live: Live): void {
    waiting.add(live);
    if (!waiting.areTooMany) return;
    this.#giveUp(new Error(`${waiting.size} messages arrived before the answer`));
  }

  #onKept(id: string, live: Live): void {
    const { message, delivery } = live;
    const place = this.#placeOf(id, delivery);
    if (place === 'before') return;
    if (message !== this.#lastChecked) {
      if (place === 'unknown') return this.#check(live);
      if (this.#isToCheck(message)) {
        if (this.#uncertainUntil) this.#position = undefined;
        return this.#check(live);
      }
    }
    if (place === 'unknown') this.#copies?.end();
    // A repeated one is not the newest one, or is another one with the same id.
    if (!message.isRepeated) this.#moveTo(id, delivery);
    else if (this.#uncertainUntil) this.#position = undefined;
    this.#target.onMessage(message, delivery);
  }

  #addCopies(read: readonly KeptMessage[]): ReadCopies {
    this.#copies ??= new ReadCopies(this.#history.isOrdered(this.#options));
    this.#copies.add(read);
    return this.#copies;
  }

  /** Where a live message stands to what was read. */
  #placeOf(id: string, { payload }: Delivery): ReturnType<ReadCopies['placeOf']> {
    const copies = this.#copies;
    if (!copies) return 'behind';
    if (!this.#history.isDelivered(this.#options.subscription, copies.readAt)) {
      return copies.placeOf(id, payload);
    }
    this.#copies = undefined;
    return 'behind';
  }

  /** Reads the history again, which tells what comes before a live message, and whether it is a new one. */
  #check(live: Live): void {
    this.#lastChecked = live.message;
    this.#waiting = new WaitingMessages();
    this.#pass(live);
    this.#start({ isRepair: true });
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
    if (this.#options.mode === 'last') return false;
    return (
      isRepeated === true || (lost !== undefined && !lost.duringGap) || this.#mayOvertake(message)
    );
  }

  /**
   * Whether a message may come before those of another stream of its publisher, or behind them. The slot of the channel has
   * moved then, and these come from another node.
   */
  #mayOvertake({ messageId: id = '' }: IncomingMessage): boolean {
    const position = this.#position;
    if (!position || this.#uncertainUntil || this.#history.isOrdered(this.#options)) return false;
    return isFirst(id) || isOfOtherStream(id, position.id);
  }
}

/** Two outages, of which the later one has interrupted the read of the other one. */
function joined(earlier: Missing, later: Missing): Missing {
  const [from, to] = [(earlier.gap ?? later.gap)?.from, (later.gap ?? earlier.gap)?.to];
  return from && to ? { gap: { from, to } } : later;
}
