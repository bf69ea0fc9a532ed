import type { Unsubscribable } from 'rxjs';
import { ClosedError, hasCode } from '../errors.js';
import { runOutside } from '../shared/async-context.js';
import { Deadline } from './deadline.js';
import type { ReadOptions, StreamChunk } from './resumable-options.js';
import { StreamError, type StreamErrorReason } from './stream-error.js';
import type { StreamScope } from './stream-scope.js';
import {
  findStart,
  formatStreamPosition,
  parseStreamPosition,
  readStreamMessage,
  type SignMessage,
  type StartMessage,
  type StreamMessage,
  type StreamPosition,
} from './stream-message.js';

/** How many messages are read, until they have all that is missing: most readers missed little. */
const COUNTS = [4, 64, Infinity];
const RETRY_DELAY_MS = 200;

/** Receives a stream. Its methods must not throw. */
export interface ReaderTarget<T> {
  /** The position of the caller is none of this stream: it begins with its first chunk. */
  onRestart(): void;
  onChunk(chunk: StreamChunk<T>): void;
  /** The writer is there, and has not ended the stream. */
  onSign?(writer: string): void;
  onEnd(outcome: 'completed' | 'stopped', position: string): void;
  onFailure(error: unknown): void;
}

/**
 * Reads one stream from Redis, and goes on with what arrives. Chunks have numbers, which only their writer gives: a chunk
 * is handed out when all before it were. Missing ones are read again, or stored again by the writer.
 */
export class StreamReader<T> implements Unsubscribable {
  readonly #scope: StreamScope;
  readonly #target: ReaderTarget<T>;
  readonly #since: StreamPosition | undefined;
  readonly #hasSince: boolean;
  readonly #startTimeout: number;
  #subscription: Unsubscribable | undefined;
  #isClosed = false;
  #start: StartMessage | undefined;
  /** The number of the last chunk that was handed out. */
  #last = 0;
  /** The largest number that any message had. */
  #highest = 0;
  /** Chunks whose predecessors have not arrived. */
  readonly #waiting = new Map<number, T>();
  #end: SignMessage | undefined;
  #isReading = false;
  #mustReadAgain = false;
  /** Whether Redis had messages at the last read. */
  #isKnown = false;
  /** Runs while the stream has no beginning. */
  readonly #beginning = new Deadline(() => this.#onNoBeginning());
  /** Runs from the beginning to the end. */
  readonly #silence = new Deadline(() => this.#onSilence());
  /** Runs while chunks are missing that a read did not find. */
  readonly #missing = new Deadline(() => this.#onMissing());

  constructor(scope: StreamScope, options: ReadOptions, target: ReaderTarget<T>) {
    this.#scope = scope;
    this.#target = target;
    const { since, startTimeout = 0 } = options;
    this.#hasSince = since !== undefined;
    this.#since = since === undefined ? undefined : parseStreamPosition(since);
    this.#startTimeout = startTimeout;
  }

  open(): void {
    const { pubsub, channel } = this.#scope;
    this.#subscription = pubsub
      .observe(channel, { onSubscribed: () => this.#onSubscribed() })
      .subscribe({
        next: ({ data }) => this.#onMessage(data),
        error: (error: unknown) => this.#fail(error),
        complete: () => this.#fail(new ClosedError()),
      });
    if (this.#isClosed) this.#subscription.unsubscribe();
  }

  unsubscribe(): void {
    this.#isClosed = true;
    this.#waiting.clear();
    for (const deadline of [this.#beginning, this.#silence, this.#missing]) deadline.cancel();
    this.#subscription?.unsubscribe();
  }

  #onSubscribed(): void {
    this.#silence.renew();
    this.#missing.renew();
    void this.#read();
  }

  #onMessage(data: unknown): void {
    const message = readStreamMessage(data);
    if (!message) return;
    if (!this.#start) {
      // A read that has begun may have been too early for it.
      if (this.#isReading) this.#mustReadAgain = true;
      else if (!('chunks' in message)) void this.#read();
      return;
    }
    if (message.writer !== this.#start.writer) return;
    this.#silence.renew();
    this.#take(message);
    const isSign = 'last' in message;
    // A chunk that is stored again may not arrive, so each sign has it looked for once more.
    if (this.#isBehind && (isSign || !this.#missing.isRunning)) void this.#read();
    else if (isSign) this.#sign();
  }

  get #isBehind(): boolean {
    return this.#last < this.#highest;
  }

  /** Reads what Redis has. Calls in the meantime have it read again. */
  async #read(): Promise<void> {
    this.#mustReadAgain = true;
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#mustReadAgain && !this.#isClosed) {
        this.#mustReadAgain = false;
        await this.#readOnce();
      }
    } catch (error) {
      this.#onReadFailed(error);
    } finally {
      this.#isReading = false;
    }
  }

  async #readOnce(): Promise<void> {
    const { pubsub, channel } = this.#scope;
    // A reader at the beginning needs everything.
    const limits = this.#last === 0 ? [Infinity] : COUNTS;
    for (const limit of limits) {
      const { messages } = await pubsub.history(channel, { limit });
      if (this.#isClosed) return;
      this.#takeAll(messages.flatMap(({ data }) => readStreamMessage(data) ?? []));
      if (this.#isClosed) return;
      if (!this.#isBehind) break;
    }
    if (this.#start) this.#afterRead();
    else this.#awaitBeginning();
  }

  /** Redis cannot be reached, as long as the subscription does not fail; or it refuses. */
  #onReadFailed(error: unknown): void {
    if (!hasCode(error, 'ERR_PUBSUB_CONNECTION')) {
      this.#fail(error);
      return;
    }
    const retry = (): void => void (this.#isClosed || this.#read());
    runOutside(() => setTimeout(retry, RETRY_DELAY_MS).unref());
  }

  #takeAll(messages: readonly StreamMessage[]): void {
    this.#isKnown = messages.length > 0;
    const start = this.#start ?? findStart(messages);
    if (!start) return;
    if (!this.#start) this.#begin(start);
    for (const message of messages) {
      if (message.writer === start.writer && !this.#isClosed) this.#take(message);
    }
  }

  #begin(start: StartMessage): void {
    this.#start = start;
    this.#beginning.cancel();
    this.#silence.start(start.start);
    if (this.#since?.writer === start.writer) this.#last = this.#since.number;
    else if (this.#hasSince) this.#target.onRestart();
  }

  #take(message: StreamMessage): void {
    if ('start' in message) return;
    if ('chunks' in message) {
      const { from, chunks } = message;
      for (const [i, chunk] of chunks.entries()) {
        if (from + i > this.#last) this.#waiting.set(from + i, chunk as T);
      }
      this.#highest = Math.max(this.#highest, from + chunks.length - 1);
    } else {
      this.#highest = Math.max(this.#highest, message.last);
      if (message.outcome !== undefined) this.#end ??= message;
    }
    this.#handOut();
  }

  #handOut(): void {
    const { writer } = this.#start as StartMessage;
    const before = this.#last;
    while (!this.#isClosed && this.#waiting.has(this.#last + 1)) {
      const number = this.#last + 1;
      const data = this.#waiting.get(number) as T;
      this.#waiting.delete(number);
      this.#last = number;
      this.#target.onChunk({ data, number, position: formatStreamPosition({ writer, number }) });
    }
    if (this.#isClosed) return;
    // What is missing now is another chunk, which was not looked for.
    if (this.#last > before) this.#missing.cancel();
    if (this.#end && this.#last >= this.#end.last) this.#finish(this.#end);
  }

  #finish({ outcome, writer }: SignMessage): void {
    if (outcome !== 'completed' && outcome !== 'stopped') {
      this.#failWith(outcome as StreamErrorReason);
      return;
    }
    this.unsubscribe();
    this.#target.onEnd(outcome, formatStreamPosition({ writer, number: this.#last }));
  }

  #afterRead(): void {
    if (!this.#isBehind) this.#sign();
    else if (!this.#missing.isRunning) this.#missing.start((this.#start as StartMessage).start);
  }

  #sign(): void {
    if (this.#start && !this.#end && !this.#isClosed) this.#target.onSign?.(this.#start.writer);
  }

  /** A caller with a position, and messages without a beginning, show a stream that Redis has lost. It may come back. */
  #awaitBeginning(): void {
    if (this.#beginning.isRunning) return;
    const wasThere = this.#hasSince || this.#isKnown;
    const { writerTimeout } = this.#scope.options;
    const limit = Math.max(this.#startTimeout, wasThere ? writerTimeout : 0);
    if (limit === 0) this.#failWith('absent');
    else this.#beginning.start(limit);
  }

  #onNoBeginning(): void {
    if (this.#isConnected) this.#failWith(this.#isKnown ? 'history-lost' : 'absent');
    else this.#beginning.start(this.#scope.options.writerTimeout);
  }

  #onSilence(): void {
    if (!this.#isConnected) this.#silence.start((this.#start as StartMessage).start);
    // The writer has no more to say: chunks are missing.
    else if (!this.#end) this.#failWith('writer-lost');
  }

  #onMissing(): void {
    if (this.#isConnected) this.#failWith('history-lost');
    else this.#missing.start((this.#start as StartMessage).start);
  }

  /** Without a connection nothing can be said of a writer. */
  get #isConnected(): boolean {
    return this.#scope.pubsub.status === 'connected';
  }

  #failWith(reason: StreamErrorReason): void {
    this.#fail(new StreamError(reason, this.#scope.id));
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.unsubscribe();
    this.#target.onFailure(error);
  }
}
