import type { WritePacket } from '@nestjs/microservices';
import type { Observer } from 'rxjs';
import { isRecord } from '../../codec/envelope-codec.js';
import { InvalidOptionError } from '../../errors.js';
import { checkCount, checkMilliseconds } from '../../options/option-checks.js';
import { unknownName } from '../../options/unknown-option.js';
import { CallerContext } from '../../shared/async-context.js';
import { receiveReplies, type PendingRequest, type ReplyInbox } from './reply-inbox.js';
import { ReplyTimer } from './reply-timer.js';
import type { SentRequestOptions } from './sent-request.js';

/** One reply to `RedisPubSubClient#sendAll`: a value of a responder, or the error that it failed with. */
export type PubSubReply<T = unknown> = { readonly value: T } | { readonly error: unknown };

/** When `RedisPubSubClient#sendAll` stops waiting for replies. */
export interface SendAllOptions {
  /**
   * How long to collect replies, in milliseconds. The time begins with the subscription. Its end is no error. A
   * client whose `requestTimeout` is 0 has no limit, and then `max` is required.
   *
   * @defaultValue the `timeout` of the record, or the `requestTimeout` of the client
   */
  readonly timeout?: number;

  /**
   * How many responders to wait for. The last reply of this many ends the Observable before the timeout.
   *
   * @defaultValue `Infinity`
   */
  readonly max?: number;
}

/** When a {@link GatheredRequest} ends; a `timeoutMs` of 0 means no limit. */
export type GatherLimits = Pick<GatheredRequestOptions, 'maxResponders' | 'timeoutMs'>;

const OPTIONS: readonly string[] = ['timeout', 'max'] satisfies (keyof SendAllOptions)[];

/**
 * The limits that the options of `sendAll` stand for. `defaultMs` is the time limit of the request, 0 for none.
 * Throws `InvalidOptionError`.
 */
export function readSendAllOptions(given: unknown, defaultMs: number): GatherLimits {
  if (!isRecord(given)) throw new InvalidOptionError('options', 'an object', given);
  const unknown = Object.keys(given).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw unknownName('option of sendAll', unknown, OPTIONS);
  const { timeout, max = Infinity } = given;
  const maxResponders = checkCount('max', max, 1);
  if (timeout !== undefined) {
    return { maxResponders, timeoutMs: checkMilliseconds('timeout', timeout, 1) };
  }
  const timeoutMs = checkMilliseconds('timeout', defaultMs);
  if (timeoutMs === 0 && maxResponders === Infinity) {
    const expected = 'given to sendAll, or "max", since these requests have no time limit';
    throw new InvalidOptionError('timeout', expected, timeout);
  }
  return { maxResponders, timeoutMs };
}

/** What a {@link GatheredRequest} needs to know. */
export interface GatheredRequestOptions extends SentRequestOptions {
  readonly maxResponders: number;
}

/** One request to all responders, until they have ended, its timeout, its failure or its cancellation. */
export class GatheredRequest implements PendingRequest {
  readonly #inbox: ReplyInbox;
  readonly #options: GatheredRequestOptions;
  readonly #observer: Observer<WritePacket>;
  /** That of the requester: replies arrive in that of the connection. */
  readonly #context = new CallerContext();
  readonly #timer: ReplyTimer;
  /** The most responders that there can be, when Redis has told. */
  #receivers = Infinity;
  /** How many have sent their last reply. */
  #ended = 0;
  #hasInbox = false;
  #isPublished = false;
  #isStreamed = false;
  #isDone = false;

  /** `observer` receives a packet with `response` or `err` for each reply. */
  constructor(inbox: ReplyInbox, options: GatheredRequestOptions, observer: Observer<WritePacket>) {
    this.#inbox = inbox;
    this.#options = options;
    this.#observer = observer;
    this.#timer = new ReplyTimer(inbox, options, () => this.#complete());
  }

  /** Publishes the request when its replies can be received. Failures are passed to the observer. */
  async start(publish: () => Promise<number>): Promise<void> {
    const { replyKey } = this.#options;
    this.#timer.start();
    try {
      await this.#inbox.open(replyKey);
      this.#onOpened();
      if (this.#isDone) return;
      const published = publish();
      this.#isPublished = true;
      const receivers = await published;
      if (this.#inbox.countsReceivers(replyKey)) this.#receivers = receivers;
      this.#completeIfAllEnded();
    } catch (error) {
      if (this.#end(error)) this.#context.error(this.#observer, error);
    }
  }

  get channel(): string {
    return this.#options.channel;
  }

  onArrival(): void {
    // The timeout is that of the whole request.
  }

  onReply({ err, response, isDisposed }: Record<string, unknown>): void {
    if (this.#isDone) return;
    const isLast = isDisposed === true || Boolean(err);
    // The end of a stream has no value. That of a handler which returns nothing looks the same, and is a reply.
    const isEndOfStream = isLast && !err && response === undefined && this.#isStreamed;
    if (isLast) this.#ended++;
    else this.#isStreamed = true;
    if (!isEndOfStream) this.#context.next(this.#observer, { err, response });
    this.#completeIfAllEnded();
  }

  onUnreadable(error: unknown): void {
    if (!this.#isDone) this.#context.next(this.#observer, { err: error });
  }

  onFailure(error: unknown): void {
    this.#sendCancellation();
    if (this.#end(error)) this.#context.error(this.#observer, error);
  }

  /** Receives no further replies. Idempotent. */
  cancel(): void {
    this.#sendCancellation();
    this.#end();
  }

  #completeIfAllEnded(): void {
    if (this.#ended >= Math.min(this.#receivers, this.#options.maxResponders)) this.#complete();
  }

  #complete(): void {
    this.#sendCancellation();
    if (this.#end()) this.#context.complete(this.#observer);
  }

  /** Tells the responders that go on. */
  #sendCancellation(): void {
    if (this.#isDone || !this.#hasInbox || this.#ended >= this.#receivers) return;
    this.#inbox.sendCancellation(this.#options.id, this.#options.replyKey);
  }

  /** Returns whether this call ends it. */
  #end(reason?: unknown): boolean {
    if (this.#isDone) return false;
    this.#isDone = true;
    if (!this.#isPublished) this.#inbox.reportUnsent(this.#options.packet, reason);
    this.#timer.stop();
    this.#inbox.remove(this.#options.id);
    if (this.#hasInbox) this.#inbox.close(this.#options.replyKey);
    return true;
  }

  /** The replies can be received. The request may be over by now. */
  #onOpened(): void {
    if (this.#isDone) {
      this.#inbox.close(this.#options.replyKey);
      return;
    }
    this.#hasInbox = true;
    receiveReplies(this.#inbox, this, this.#options);
  }
}
