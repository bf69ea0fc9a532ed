import type { Serializer } from '@nestjs/microservices';
import {
  Subject,
  takeUntil,
  takeWhile,
  type MonoTypeOperatorFunction,
  type Observable,
} from 'rxjs';
import type { ChannelKind } from '../../channel/subscription-key.js';
import type { MessageId, RequestKey } from '../../codec/codec.js';
import { synchronous } from '../../codec/synchronous.js';
import { hasCode, messageOf, shorten } from '../../errors.js';
import type { RateLimitedLog } from '../../shared/rate-limited-log.js';
import type { MessageBus } from '../message-bus.js';
import { INTERNAL_ERROR } from '../nest-internals.js';
import { withPlainErrors } from './plain-errors.js';
import type { Failure } from '../redis-pubsub.context.js';

/** A reply in Nest's form, sent once. The last one to a request has `isDisposed`. */
export interface Reply {
  readonly response?: unknown;
  readonly err?: unknown;
  isDisposed?: boolean;
  id?: MessageId;
}

/** A request, and the kind of channel that its replies are published to. */
export interface AnswerableRequest extends RequestKey {
  readonly kind: ChannelKind;
}

/** Publishes the replies to one request. No method rejects. */
export class Responder {
  /** Its index among the running ones of `PendingReplies`. */
  index = -1;
  /** Whether the client no longer waits for replies. */
  #isCancelled = false;
  /** Created for a stream alone: most requests have a single reply. */
  #cancelled$: Subject<void> | undefined;

  constructor(
    private readonly bus: MessageBus,
    private readonly failures: RateLimitedLog,
    private readonly serializer: Serializer | undefined,
    readonly request: AnswerableRequest,
  ) {}

  /** Ends the stream of replies, or prevents it if the handler has not returned it yet. */
  cancel(): void {
    this.#isCancelled = true;
    this.#cancelled$?.next();
  }

  /** Sends the last reply. */
  async end(reply: Reply): Promise<undefined> {
    reply.isDisposed = true;
    await this.#publish(reply);
    return undefined;
  }

  /**
   * Sends every value of a stream until it ends, `failure$` fails or no client receives the replies. Resolves
   * when the last reply is sent, to the failure of the stream. A cancelled stream has no last reply.
   *
   * Each value is held back for a tick: if the stream completes in that time, one message has the value and
   * the end. A bounded stream is not unsubscribed before its next value. It may come from a method that
   * cannot be stopped, and that holds its place in the queue.
   */
  async stream(
    values: Observable<unknown>,
    failure$: Observable<unknown>,
    isBounded: boolean,
  ): Promise<Failure | undefined> {
    if (this.#isCancelled) return undefined;
    let held: Reply | undefined;
    let last: Reply = {};
    let failure: Failure | undefined;
    const receivers = new ReceiverCheck();
    const cancelled$ = (this.#cancelled$ = new Subject<void>());
    const flush = (): void => {
      if (held) void this.#publish(held).then((it) => receivers.goesOn(it) || this.cancel());
      held = undefined;
    };
    await new Promise<void>((resolve) => {
      values.pipe(takeUntil(failure$), this.#untilCancelled(isBounded, cancelled$)).subscribe({
        next: (response) => {
          flush();
          held = { response };
          process.nextTick(flush);
        },
        error: (error: unknown) => {
          flush();
          failure = { error, isReplied: true };
          last = { err: sendable(error) };
          resolve();
        },
        complete: () => {
          last = held ?? {};
          held = undefined;
          resolve();
        },
      });
    });
    // The last reply of a cancelled stream would look like a complete one.
    if (!this.#isCancelled) await this.end(last);
    return failure;
  }

  #untilCancelled(
    isBounded: boolean,
    cancelled$: Observable<void>,
  ): MonoTypeOperatorFunction<unknown> {
    return isBounded ? takeWhile(() => !this.#isCancelled) : takeUntil(cancelled$);
  }

  async #publish(reply: Reply): Promise<ReplyOutcome> {
    const { id, replyTo, kind } = this.request;
    reply.id = id;
    try {
      const receivers = await this.bus.reply(replyTo, kind, () => this.#serialize(reply));
      return this.bus.isUndelivered(receivers, kind) ? 'undelivered' : 'delivered';
    } catch (error) {
      this.#logFailure(error);
      if (hasCode(error, 'ERR_PUBSUB_CONNECTION')) return 'unknown';
      // Without any reply the client would wait until its timeout.
      if (hasCode(error, 'ERR_PUBSUB_PAYLOAD')) await this.#replyWithError();
      return 'refused';
    }
  }

  #serialize(reply: Reply): unknown {
    const { serializer } = this;
    if (!serializer) return withPlainErrors(reply);
    return withPlainErrors(synchronous('serialize', serializer.serialize(reply)) ?? reply);
  }

  async #replyWithError(): Promise<void> {
    const { id, replyTo, kind } = this.request;
    const reply = { id, err: INTERNAL_ERROR, isDisposed: true };
    await this.bus.reply(replyTo, kind, () => reply).catch((error) => this.#logFailure(error));
  }

  #logFailure(error: unknown): void {
    const { replyTo } = this.request;
    this.failures.add(() => `Cannot reply on "${shorten(replyTo)}": ${messageOf(error)}`);
  }
}

/** Returns an error that is one for the client, too: a falsy one, or one that JSON omits, looks like the end of a stream. */
function sendable(error: unknown): unknown {
  return isSendable(error) ? error : INTERNAL_ERROR;
}

function isSendable(error: unknown): boolean {
  try {
    return Boolean(error) && Boolean(JSON.parse(JSON.stringify(error)));
  } catch (thrown) {
    // Codecs other than JSON may send it.
    return typeof error === 'object' && !(thrown instanceof SyntaxError);
  }
}

/** How long the replies of a stream may reach no client, which may be reconnecting. */
const MAX_UNDELIVERED_MS = 5_000;

/**
 * The outcome of a reply. `unknown`: the connection was lost. `refused`: the next reply would be refused, too.
 */
type ReplyOutcome = 'delivered' | 'undelivered' | 'unknown' | 'refused';

/** Decides whether a client still receives the replies of a stream. */
class ReceiverCheck {
  #undeliveredSince: number | undefined;

  /** Returns whether the stream goes on after a reply with this outcome. */
  goesOn(outcome: ReplyOutcome): boolean {
    if (outcome !== 'undelivered') {
      if (outcome === 'delivered') this.#undeliveredSince = undefined;
      return outcome !== 'refused';
    }
    const now = performance.now();
    this.#undeliveredSince ??= now;
    return now - this.#undeliveredSince < MAX_UNDELIVERED_MS;
  }
}
