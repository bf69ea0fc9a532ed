import type { WritePacket } from '@nestjs/microservices';
import type { MessageId, OutgoingMessage } from '../../codec/codec.js';
import { NoSubscribersError, RequestTimeoutError } from '../../errors.js';
import { CallerContext } from '../../shared/async-context.js';
import { receiveReplies, type PendingRequest, type ReplyInbox } from './reply-inbox.js';
import { ReplyTimer, type ReplyTimerOptions } from './reply-timer.js';

/** What a {@link SentRequest} needs to know. */
export interface SentRequestOptions extends ReplyTimerOptions {
  readonly id: MessageId;
  /** The channel of the request, for errors. */
  readonly channel: string;
  /** The packet of the request, for telemetry. */
  readonly packet: OutgoingMessage;
}

/** One request, until its last reply, its failure or its cancellation. */
export class SentRequest implements PendingRequest {
  readonly #inbox: ReplyInbox;
  readonly #options: SentRequestOptions;
  readonly #callback: (packet: WritePacket) => void;
  /** That of the requester: replies arrive in that of the connection. */
  readonly #context = new CallerContext();
  readonly #timer: ReplyTimer;
  #receivers = 0;
  #hasInbox = false;
  #isPublished = false;
  #isStreamed = false;
  #isDone = false;

  constructor(
    inbox: ReplyInbox,
    options: SentRequestOptions,
    callback: (packet: WritePacket) => void,
  ) {
    this.#inbox = inbox;
    this.#options = options;
    this.#callback = callback;
    this.#timer = new ReplyTimer(inbox, options, () =>
      this.onFailure(
        new RequestTimeoutError(options.channel, options.timeoutMs, this.#timeoutHint),
      ),
    );
  }

  /** Publishes the request when its replies can be received. Failures are passed to the callback. */
  async start(publish: () => Promise<number>): Promise<void> {
    const { channel, replyKey } = this.#options;
    try {
      const opening = this.#inbox.open(replyKey);
      if (opening) {
        this.#timer.start();
        await opening;
      }
      this.#onOpened();
      if (this.#isDone) return;
      const published = publish();
      this.#isPublished = true;
      // After the write, so that the responder can start at once.
      if (!opening && !this.#isDone) this.#timer.start();
      this.#receivers = await published;
      if (!this.#inbox.isUndelivered(this.#receivers, replyKey)) return;
      this.#fail(new NoSubscribersError(channel, this.#inbox.mixUpHint(channel, replyKey)));
    } catch (error) {
      this.#fail(error);
    }
  }

  get channel(): string {
    return this.#options.channel;
  }

  onArrival(): void {
    this.#timer.restart();
  }

  onReply({ err, response, isDisposed }: Record<string, unknown>): void {
    if (this.#isDone) return;
    const isLast = isDisposed === true || Boolean(err);
    if (isLast) {
      // Other responders may go on with their streams; a single reply is not worth a cancellation.
      if (this.#isStreamed) this.#sendCancellation();
      this.#end();
    } else {
      this.#isStreamed = true;
      this.onArrival();
    }
    this.#call({ err, response, isDisposed: isLast });
  }

  onUnreadable(error: unknown): void {
    this.onFailure(error);
  }

  onFailure(error: unknown): void {
    if (this.#isDone) return;
    this.#sendCancellation();
    this.#fail(error);
  }

  /** Receives no further replies. Idempotent. */
  cancel(): void {
    if (this.#isDone) return;
    this.#sendCancellation();
    this.#end();
  }

  /** Event handlers do not reply; servers on the built-in transport ignore the inbox, and reply on another channel. */
  get #timeoutHint(): string {
    const { channel, replyKey } = this.#options;
    if (this.#receivers === 0 || this.#isStreamed) return '';
    const where = `${this.#receivers} ${this.#receivers === 1 ? 'subscription' : 'subscriptions'}`;
    if (this.#inbox.isWithoutResponder(channel, replyKey, this.#receivers)) {
      return `, although Redis delivered the request to ${where}: only @MessagePattern handlers reply, and this process has event handlers or observers for it`;
    }
    if (replyKey.name !== this.#inbox.name) return '';
    return `, although Redis delivered the request to ${where}. Event handlers and observers do not reply, and a server on Nest's Transport.REDIS replies on another channel: for such a server set replies: 'compat'`;
  }

  #sendCancellation(): void {
    const { id, replyKey } = this.#options;
    if (this.#hasInbox) this.#inbox.sendCancellation(id, replyKey);
  }

  #fail(error: unknown): void {
    if (this.#isDone) return;
    this.#end(error);
    this.#call({ err: error });
  }

  #call(packet: WritePacket): void {
    this.#context.runInAsyncScope(this.#callback, undefined, packet);
  }

  #end(reason?: unknown): void {
    this.#isDone = true;
    if (!this.#isPublished) this.#inbox.reportUnsent(this.#options.packet, reason);
    this.#timer.stop();
    this.#inbox.remove(this.#options.id);
    if (this.#hasInbox) this.#inbox.close(this.#options.replyKey);
  }

  /** The replies can be received. The request may be cancelled by now. */
  #onOpened(): void {
    if (this.#isDone) {
      this.#inbox.close(this.#options.replyKey);
      return;
    }
    this.#hasInbox = true;
    receiveReplies(this.#inbox, this, this.#options);
  }
}
