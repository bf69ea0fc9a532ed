import type { WritePacket } from '@nestjs/microservices';
import type { MessageId } from '../../codec/codec.js';
import { ConnectionError, NoSubscribersError, RequestTimeoutError } from '../../errors.js';
import type { PendingRequest, ReplyAddress, ReplyInbox } from './reply-inbox.js';

export interface RequestOptions {
  readonly id: MessageId;
  /** The channel that the request goes to; for errors. */
  readonly channel: string;
  readonly replyAddress: ReplyAddress;
  /** How long to wait for the next reply, in milliseconds; 0 for ever. */
  readonly timeout: number;
}

/** One request from its publishing to its last reply, its failure or its cancellation. */
export class Request implements PendingRequest {
  readonly #inbox: ReplyInbox;
  readonly #options: RequestOptions;
  readonly #callback: (packet: WritePacket) => void;
  #timer: NodeJS.Timeout | undefined;
  #isAcquired = false;
  #isStreamed = false;
  #isDone = false;

  constructor(inbox: ReplyInbox, options: RequestOptions, callback: (packet: WritePacket) => void) {
    this.#inbox = inbox;
    this.#options = options;
    this.#callback = callback;
  }

  /** Publishes the request once its replies can arrive. Failures go to the callback. */
  async start(publish: () => Promise<number>): Promise<void> {
    const { channel, replyAddress } = this.#options;
    try {
      const opening = this.#inbox.acquire(replyAddress);
      if (opening) {
        this.#startTimer();
        await opening;
      }
      this.#onAcquired();
      if (this.#isDone) return;
      const published = publish();
      // Not before the write: whoever answers can begin meanwhile.
      if (!opening) this.#startTimer();
      const receivers = await published;
      if (this.#inbox.isUnheard(receivers, replyAddress))
        this.#fail(new NoSubscribersError(channel));
    } catch (error) {
      this.#fail(error);
    }
  }

  get channel(): string {
    return this.#options.channel;
  }

  onArrival(): void {
    this.#timer?.refresh();
  }

  onReply({ err, response, isDisposed }: Record<string, unknown>): void {
    if (this.#isDone) return;
    const isLast = isDisposed === true || Boolean(err);
    if (isLast) {
      // Others may stream on; a responder with a single reply is not worth a message.
      if (this.#isStreamed) this.#abandon();
      this.#end();
    } else {
      this.#isStreamed = true;
      this.onArrival();
    }
    this.#callback({ err, response, isDisposed: isLast });
  }

  onFailure(error: unknown): void {
    if (this.#isDone) return;
    this.#abandon();
    this.#fail(error);
  }

  /** Hears no more. Safe to call at any time, any number of times. */
  cancel(): void {
    if (this.#isDone) return;
    this.#abandon();
    this.#end();
  }

  #startTimer(): void {
    const { channel, timeout } = this.#options;
    if (timeout === 0 || this.#isDone) return;
    const expire = (): void => this.onFailure(new RequestTimeoutError(channel, timeout));
    this.#timer = setTimeout(expire, timeout);
  }

  #abandon(): void {
    const { id, replyAddress } = this.#options;
    if (this.#isAcquired) this.#inbox.abandon(id, replyAddress);
  }

  #fail(error: unknown): void {
    if (this.#isDone) return;
    this.#end();
    this.#callback({ err: error });
  }

  #end(): void {
    this.#isDone = true;
    clearTimeout(this.#timer);
    this.#inbox.forget(this.#options.id);
    if (this.#isAcquired) this.#inbox.release(this.#options.replyAddress);
  }

  /** The replies can arrive; whoever asked may have gone by now. */
  #onAcquired(): void {
    const { id, replyAddress } = this.#options;
    if (this.#isDone) {
      this.#inbox.release(replyAddress);
      return;
    }
    this.#isAcquired = true;
    this.#inbox.expect(id, this);
    // After an outage the link is up a moment before its subscriptions are.
    if (!this.#inbox.hears(replyAddress)) {
      throw new ConnectionError('Cannot send a request: its replies could not arrive yet');
    }
  }
}
