import { randomBytes } from 'node:crypto';
import { hasCode, PayloadError, shorten } from '../errors.js';
import type { PubSubMessage } from '../module/message-observer.js';
import type { PubSubSubscription } from '../module/service-options.js';
import { runOutside } from '../shared/async-context.js';
import type { PubSubGap } from '../telemetry.js';
import { iterateSource } from './iterate-source.js';
import type { StreamSource, StreamWriting } from './resumable-options.js';
import { StreamError, type StreamErrorReason } from './stream-error.js';
import type { StreamScope } from './stream-scope.js';
import { findStart, type SignMessage, type StreamOutcome } from './stream-message.js';
import { missingChunks } from './missing-chunks.js';
import { StreamStore } from './stream-store.js';

/** How many signs of the writer fit into its timeout. One may be late, and one may be lost. */
const SIGNS = 3;

/** The channel on which a writer is told to stop. */
export function controlOf(channel: string): string {
  return `${channel}.control`;
}

/**
 * Writes one stream: claims its id, stores chunk after chunk, and stores the end. It holds all chunks until then, and
 * stores those again that Redis has lost.
 */
export class StreamWriter implements StreamWriting {
  readonly id: string;
  readonly done: Promise<'completed' | 'stopped'>;
  readonly #scope: StreamScope;
  readonly #writer = randomBytes(8).toString('base64url');
  readonly #store: StreamStore;
  readonly #abort = new AbortController();
  readonly #chunks: unknown[] = [];
  /** How many chunks are stored. */
  #last = 0;
  #end: SignMessage | undefined;
  #finishing: Promise<void> | undefined;
  #iterator: AsyncIterator<unknown> | undefined;
  #control: PubSubSubscription | undefined;
  #signs: NodeJS.Timeout | undefined;
  #storedAt = 0;
  #isSigning = false;
  /** Settles when everything is stored that was given to {@link #inTurn}. */
  #turn: Promise<unknown> = Promise.resolve();
  #resolve!: (outcome: 'completed' | 'stopped') => void;
  #reject!: (error: unknown) => void;

  constructor(scope: StreamScope) {
    const { pubsub, channel, options } = scope;
    this.id = scope.id;
    this.#scope = scope;
    this.#store = new StreamStore(pubsub, channel, options);
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // The failure is logged: an application that does not wait for it must not end.
    this.done.catch(() => undefined);
  }

  /**
   * Claims the id. Rejects with a `StreamError` if Redis has a stream with it, and with the error of a Redis that cannot
   * be asked.
   */
  async open(): Promise<void> {
    const { pubsub, channel } = this.#scope;
    // Rejects soon where Redis is away, for which a subscription would wait.
    if ((await this.#store.read()).length > 0) throw this.#error('exists');
    const onSubscribed = (gap: PubSubGap | undefined): void => {
      if (gap) this.#restoreSoon();
    };
    const onControl = ({ data }: PubSubMessage): void => this.#onControl(data);
    const control = await pubsub.subscribe(controlOf(channel), onControl, { onSubscribed });
    this.#control = control;
    try {
      await this.#claim();
    } catch (error) {
      control.unsubscribe();
      throw error;
    }
    this.#store.persevere();
    this.#startSigns();
  }

  /** Writes all chunks. Resolves when the stream is over, however it ended. */
  async run(source: StreamSource<unknown>): Promise<void> {
    try {
      await this.#pump(source);
      await this.finish('completed');
    } catch (error) {
      const isTooLong = error instanceof StreamError && error.reason === 'too-long';
      await this.finish(isTooLong ? 'too-long' : 'failed', error);
    }
  }

  stop(): Promise<'completed' | 'stopped'> {
    void this.finish('stopped');
    return this.done;
  }

  /** The application closes: stores that, and tries it once. */
  close(): Promise<void> {
    this.#store.hurry();
    return this.finish('closed', this.#error('closed'));
  }

  /** Ends the stream; the first end counts. Resolves when {@link done} has settled. */
  finish(outcome: StreamOutcome, error?: unknown): Promise<void> {
    // Not at once: a listener of the signal may end it, too.
    this.#finishing ??= Promise.resolve().then(() => this.#finish(outcome, error));
    return this.#finishing;
  }

  async #finish(outcome: StreamOutcome, error: unknown): Promise<void> {
    if (outcome !== 'completed') this.#closeSource();
    try {
      await this.#inTurn(() => this.#storeEnd(outcome));
      if (outcome === 'completed' || outcome === 'stopped') this.#resolve(outcome);
      else this.#reject(error);
    } catch (thrown) {
      this.#reject(error ?? thrown);
    } finally {
      clearInterval(this.#signs);
      this.#control?.unsubscribe();
      this.#chunks.length = 0;
    }
  }

  async #storeEnd(outcome: StreamOutcome): Promise<void> {
    this.#end = { writer: this.#writer, last: this.#last, outcome };
    await this.#store.add(this.#end);
    // Redis may have lost chunks without a sign, as after a FLUSHALL.
    await this.#restore();
  }

  async #claim(): Promise<void> {
    await this.#storeStart();
    // Of two writers that found nothing, Redis has one first.
    if (findStart(await this.#store.read())?.writer !== this.#writer) throw this.#error('exists');
  }

  async #pump(source: StreamSource<unknown>): Promise<void> {
    const { size: maxHeld } = this.#scope.options;
    const limit = { maxHeld, tooMany: () => this.#error('too-long') };
    const iterator = iterateSource(source, this.#abort.signal, limit);
    this.#iterator = iterator;
    while (!this.#finishing) {
      const { done, value } = await iterator.next();
      if (done || this.#finishing) return;
      await this.#add(value);
    }
  }

  async #add(chunk: unknown): Promise<void> {
    const { channel, options } = this.#scope;
    const { size } = options;
    if (this.#chunks.length >= size) throw this.#error('too-long');
    if (chunk === undefined) {
      throw new PayloadError(
        `Cannot encode the message to "${shorten(channel)}": a chunk is undefined`,
      );
    }
    const from = this.#chunks.push(chunk);
    await this.#inTurn(async () => {
      const mayHaveLost = await this.#store.add({ writer: this.#writer, from, chunks: [chunk] });
      this.#last = from;
      this.#storedAt = performance.now();
      // In a Cluster, the subscription of this writer is at another node, and has no gap.
      if (mayHaveLost) await this.#restore();
    });
  }

  /** Another process asks for a stop; or any program publishes on the channel. */
  #onControl(data: unknown): void {
    const isStop =
      typeof data === 'object' && data !== null && Reflect.get(data, 'stop') === this.#writer;
    if (isStop) void this.finish('stopped');
  }

  #restoreSoon(): void {
    if (!this.#signs || this.#finishing) return;
    this.#inTurn(() => this.#restore()).catch((error: unknown) => this.finish('failed', error));
  }

  /** Stores what Redis does not have. */
  async #restore(): Promise<void> {
    const kept = await this.#store.read();
    const start = findStart(kept);
    if (start && start.writer !== this.#writer) throw this.#error('exists');
    if (!start) await this.#storeStart();
    const own = kept.filter(({ writer }) => writer === this.#writer);
    for (const { from, count } of missingChunks(own, this.#last))
      await this.#storeAgain(from, count);
    if (this.#end && !own.some((it) => 'outcome' in it)) await this.#store.add(this.#end);
  }

  /** Stores chunks together. Those that are too large for one message are stored in two. */
  async #storeAgain(from: number, count: number): Promise<void> {
    const chunks = this.#chunks.slice(from - 1, from - 1 + count);
    try {
      await this.#store.add({ writer: this.#writer, from, chunks });
    } catch (error) {
      if (count === 1 || !hasCode(error, 'ERR_PUBSUB_PAYLOAD')) throw error;
      const half = count >> 1;
      await this.#storeAgain(from, half);
      await this.#storeAgain(from + half, count - half);
    }
  }

  async #storeStart(): Promise<void> {
    const { writerTimeout: start } = this.#scope.options;
    await this.#store.add({ writer: this.#writer, start });
    this.#storedAt = performance.now();
  }

  #startSigns(): void {
    const interval = this.#scope.options.writerTimeout / SIGNS;
    this.#signs = runOutside(() => setInterval(() => void this.#sign(interval), interval).unref());
  }

  /** Shows that the writer is there, unless a chunk has just shown it. A stored sign keeps Redis from removing the stream. */
  async #sign(interval: number): Promise<void> {
    const quiet = performance.now() - this.#storedAt;
    if (this.#isSigning || this.#finishing || quiet < interval / 2) return;
    this.#isSigning = true;
    const sign = { writer: this.#writer, last: this.#last };
    if (quiet < this.#scope.options.ttl / SIGNS) await this.#store.announce(sign);
    else await this.#storeSign();
    this.#isSigning = false;
  }

  async #storeSign(): Promise<void> {
    try {
      await this.#inTurn(() => this.#store.add({ writer: this.#writer, last: this.#last }));
      this.#storedAt = performance.now();
    } catch (error) {
      void this.finish('failed', error);
    }
  }

  /** A source that does not answer is not waited for. */
  #closeSource(): void {
    this.#abort.abort();
    try {
      this.#iterator?.return?.().catch(() => undefined);
    } catch {
      // The stream has ended: its source has no more to say.
    }
  }

  /** Runs what stores, one after the other: Redis has the chunks in their order. */
  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #error(reason: StreamErrorReason): StreamError {
    return new StreamError(reason, this.id);
  }
}
