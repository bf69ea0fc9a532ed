import type { Serializer } from '@nestjs/microservices';
import { Subject, takeUntil, takeWhile, type Observable } from 'rxjs';
import type { BurstLog } from '../../shared/rate-limited-log.js';
import type { MessageId } from '../../codec/codec.js';
import { synchronous } from '../../codec/synchronous.js';
import { ConnectionError, PayloadError, messageOf, shorten } from '../../errors.js';
import type { MessageBus } from '../message-bus.js';
import type { RequestKey } from '../publish-options.js';

/** How long the replies of a stream may reach nobody, in milliseconds: whoever asked may be on the way back. */
const PATIENCE = 5_000;

/**
 * What became of a reply. `lost`: nobody knows, for the connection was lost. `refused`: it will be the
 * same with the next one.
 */
export type ReplyOutcome = 'heard' | 'unheard' | 'lost' | 'refused';

/** Whether anybody is there yet for the replies of a stream. */
export class Audience {
  #unheardSince: number | undefined;

  /** Returns whether the stream is to go on after a reply. */
  remains(outcome: ReplyOutcome): boolean {
    if (outcome !== 'unheard') {
      if (outcome === 'heard') this.#unheardSince = undefined;
      return outcome !== 'refused';
    }
    const now = performance.now();
    this.#unheardSince ??= now;
    return now - this.#unheardSince < PATIENCE;
  }
}

/** A reply in Nest's form, to be sent once. The last one to a request has `isDisposed`. */
export interface Reply {
  readonly response?: unknown;
  readonly err?: unknown;
  isDisposed?: boolean;
  id?: MessageId;
}

/** What a caller learns of an error that is not its business. The words are Nest's. */
export const INTERNAL_ERROR = { status: 'error', message: 'Internal server error' } as const;

/** A request, and how its replies go: as it came. */
export interface AnswerableRequest extends RequestKey {
  readonly isSharded: boolean;
}

/** Publishes the replies to one request. No method rejects. */
export class Responder {
  /** Where it stands among those that run; `Responders` says so. */
  place = -1;
  /** Whether nobody waits for replies any more. */
  #isCancelled = false;
  /** Of a stream: most requests have a single reply. */
  #cancelled$: Subject<void> | undefined;

  constructor(
    private readonly bus: MessageBus,
    private readonly failures: BurstLog,
    private readonly serializer: Serializer | undefined,
    readonly request: AnswerableRequest,
  ) {}

  /** Ends a stream of replies, now or as soon as the handler returns it. */
  cancel(): void {
    this.#isCancelled = true;
    this.#cancelled$?.next();
  }

  /** Sends the last reply, or the only one. */
  async end(reply: Reply): Promise<void> {
    reply.isDisposed = true;
    await this.#publish(reply);
  }

  /**
   * Sends every value of a stream until it ends, `cut$` fails or nobody listens any more. Resolves
   * when the last reply is out, to what the stream failed with; one that nobody waits for has none. The stream may well complete right after its last value, so each
   * value is held back for a tick: then one message says both. What is bounded is not left before its next
   * value: it may be the one of a method that cannot be stopped, and whose place is not free before.
   */
  async stream(
    values: Observable<unknown>,
    cut$: Observable<unknown>,
    isBounded: boolean,
  ): Promise<unknown> {
    if (this.#isCancelled) return undefined;
    let held: Reply | undefined;
    let last: Reply = {};
    const audience = new Audience();
    const cancelled$ = (this.#cancelled$ = new Subject<void>());
    const flush = (): void => {
      if (held) void this.#publish(held).then((it) => audience.remains(it) || this.cancel());
      held = undefined;
    };
    await new Promise<void>((resolve) => {
      const untilCancelled = isBounded
        ? takeWhile<unknown>(() => !this.#isCancelled)
        : takeUntil<unknown>(cancelled$);
      values.pipe(takeUntil(cut$), untilCancelled).subscribe({
        next: (response) => {
          flush();
          held = { response };
          process.nextTick(flush);
        },
        error: (err: unknown) => {
          flush();
          // What is falsy would read as the end of a stream that did not fail.
          last = { err: err || INTERNAL_ERROR };
          resolve();
        },
        complete: () => {
          last = held ?? {};
          held = undefined;
          resolve();
        },
      });
    });
    // The end of what was broken off would be taken for the end of all.
    if (!this.#isCancelled) await this.end(last);
    return last.err;
  }

  async #publish(reply: Reply): Promise<ReplyOutcome> {
    const { id, replyTo, isSharded } = this.request;
    reply.id = id;
    try {
      const receivers = await this.bus.reply(replyTo, isSharded, () => this.#serialize(reply));
      return this.bus.isUnheard(receivers, isSharded) ? 'unheard' : 'heard';
    } catch (error) {
      this.#report(error);
      if (error instanceof ConnectionError) return 'lost';
      // The caller would wait for nothing.
      if (error instanceof PayloadError) await this.#apologize();
      return 'refused';
    }
  }

  #serialize(reply: Reply): unknown {
    const { serializer } = this;
    return serializer ? (synchronous('serialize', serializer.serialize(reply)) ?? reply) : reply;
  }

  async #apologize(): Promise<void> {
    const { id, replyTo, isSharded } = this.request;
    const apology = { id, err: INTERNAL_ERROR, isDisposed: true };
    await this.bus.reply(replyTo, isSharded, () => apology).catch((error) => this.#report(error));
  }

  #report(error: unknown): void {
    const { replyTo } = this.request;
    this.failures.add(() => `Cannot reply on "${shorten(replyTo)}": ${messageOf(error)}`);
  }
}
