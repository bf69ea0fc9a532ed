import {
  Inject,
  Injectable,
  Optional,
  type MessageEvent,
  type OnModuleDestroy,
} from '@nestjs/common';
import { Observable } from 'rxjs';
import { buildChannel } from '../channel/channel-pattern.js';
import { InvalidOptionError, messageOf, shorten, textOf } from '../errors.js';
import { isPubSubService, RedisPubSubService } from '../module/redis-pubsub.service.js';
import { checkMilliseconds } from '../options/option-checks.js';
import { withoutText } from '../shared/clean-error.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import { checkSource } from './iterate-source.js';
import {
  resolveStreamOptions,
  type ReadEventsOptions,
  type ReadOptions,
  type ResumableStreamsOptions,
  type StreamChunk,
  type StreamSource,
  type StreamWriting,
} from './resumable-options.js';
import { StreamError, type StreamErrorReason } from './stream-error.js';
import { toStreamEvents } from './stream-events.js';
import { StreamReader } from './stream-reader.js';
import type { StreamScope } from './stream-scope.js';
import { controlOf, StreamWriter } from './stream-writer.js';

/** Nothing provides it: an application that has options creates the object itself. */
const OPTIONS = Symbol('options of ResumableStreams');

/** Failures that are the end of a stream, too. */
const ENDS: ReadonlySet<StreamErrorReason> = new Set(['closed', 'failed', 'too-long']);

/**
 * Streams that a reader can resume at any chunk, at any instance: for example the answer of a language model, token by
 * token. One process writes a stream once, and Redis keeps it for a while. Readers are any number, and cost no publish.
 *
 * Register it as a provider, beside a `RedisPubSubModule`. For options use `useFactory`.
 */
@Injectable()
export class ResumableStreams implements OnModuleDestroy {
  readonly #pubsub: RedisPubSubService;
  readonly #options: Required<ResumableStreamsOptions>;
  readonly #writers = new Set<StreamWriter>();
  readonly #logger = new OutsideLogger(ResumableStreams.name);
  readonly #failures = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `${count} more streams failed`,
  );
  readonly #unread = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `Could not read ${count} more streams`,
  );

  /**
   * @throws InvalidOptionError for a wrong option, InvalidChannelError for a wrong `channel`
   */
  constructor(
    @Inject(RedisPubSubService) pubsub: RedisPubSubService,
    @Optional() @Inject(OPTIONS) options?: ResumableStreamsOptions,
  ) {
    if (!isPubSubService(pubsub)) {
      throw new InvalidOptionError('pubsub', 'a RedisPubSubService', withoutText(pubsub));
    }
    this.#pubsub = pubsub;
    this.#options = resolveStreamOptions(options);
  }

  /**
   * Starts to write a stream, and resolves when its id is claimed. It goes on without the request that has started it. The
   * next chunk is asked for when Redis has the one before it; while Redis is away, the source waits. Those of an
   * Observable are held, up to `size`.
   *
   * Rejects with a `StreamError` of the reason `exists` if Redis has a stream with this id, ended or not. The source is not
   * opened then. Rejects with a `ConnectionError` or a `CommandRefusedError` when Redis cannot be asked: choose another id
   * before you try again. Rejects with an `InvalidOptionError` for an id that is no segment of a channel, and for a wrong
   * source.
   */
  async start<T>(id: string, source: StreamSource<T>): Promise<StreamWriting> {
    const scope = this.#scope(id);
    const checked = checkSource<T>(source);
    const writer = new StreamWriter(scope);
    await writer.open();
    this.#writers.add(writer);
    void writer.run(checked);
    writer.done
      .catch((error: unknown) => {
        this.#failures.add(() => `The stream "${shorten(id)}" failed: ${textOf(error)}`);
      })
      .finally(() => this.#writers.delete(writer));
    return writer;
  }

  /**
   * Reads a stream: all chunks from the beginning, or from a position, in order, each once. The Observable is cold. It
   * completes at the end of the stream, also after a stop.
   *
   * It fails with a `StreamError`. The `reason` is `absent` for a stream that Redis does not have. It is `failed`, `too-long`
   * or `closed` where the writer stored that, and `writer-lost` after `writerTimeout` without a sign of the writer. It is
   * `history-lost` when chunks are missing for that long, and `unknown-position` for a `since` of another stream. It
   * fails with a `ClosedError` when this application closes.
   *
   * @throws InvalidOptionError for a wrong id or option
   */
  read<T = unknown>(id: string, options: ReadOptions = {}): Observable<StreamChunk<T>> {
    const scope = this.#scope(id);
    const { since, startTimeout } = checkReadOptions('since', options.since, options.startTimeout);
    return new Observable((subscriber) => {
      const reader = new StreamReader<T>(
        scope,
        { since, startTimeout },
        {
          onRestart: () => subscriber.error(new StreamError('unknown-position', id)),
          onChunk: (chunk) => subscriber.next(chunk),
          onEnd: () => subscriber.complete(),
          onFailure: (error) => subscriber.error(error),
        },
      );
      reader.open();
      return reader;
    });
  }

  /**
   * As {@link ResumableStreams.read}, as server-sent events for an `@Sse()` method. The data of a chunk is its JSON, and
   * its `id` is the position: pass the header `Last-Event-ID` as `lastEventId`, at any process.
   *
   * Other events have a type. `end` has `{ outcome: 'completed' | 'stopped' }`. `failure` has the `reason` of the
   * `StreamError`, or `unreadable`. `restart` tells the client to remove what it has, since all chunks follow. After `end`
   * and `failure` the Observable completes, and the client closes its connection.
   *
   * @throws InvalidOptionError for a wrong id or option
   * @see https://docs.nestjs.com/techniques/server-sent-events
   */
  readEvents(id: string, options: ReadEventsOptions = {}): Observable<MessageEvent> {
    const { lastEventId, startTimeout } = options;
    const checked = checkReadOptions('lastEventId', lastEventId, startTimeout);
    return toStreamEvents(this.#scope(id), checked, (error) => {
      this.#unread.add(() => `Could not read the stream "${shorten(id)}": ${messageOf(error)}`);
    });
  }

  /**
   * Has the writer of a stream end it, in whatever process it is. Resolves when the stream is over, also if it was before.
   * Rejects with a `StreamError` of the reason `absent`, `writer-lost` or `history-lost`. Also with a `ConnectionError` or a
   * `CommandRefusedError` when Redis cannot be asked, and with an `InvalidOptionError` for a wrong id.
   */
  async stop(id: string): Promise<void> {
    const scope = this.#scope(id);
    // Rejects soon where Redis is away, for which a reader would wait.
    await this.#pubsub.history(scope.channel, { limit: 1 });
    await new Promise<void>((resolve, reject) => {
      const reader = new StreamReader(
        scope,
        {},
        {
          onRestart: () => undefined,
          onChunk: () => undefined,
          onEnd: () => resolve(),
          onFailure: (error) => {
            const isOver = error instanceof StreamError && ENDS.has(error.reason);
            if (isOver) resolve();
            else reject(error);
          },
          // Again with each sign: a message may be lost.
          onSign: (writer) => {
            this.#pubsub
              .publish(controlOf(scope.channel), { stop: writer }, { history: false })
              .catch((error: unknown) => {
                reader.unsubscribe();
                reject(error);
              });
          },
        },
      );
      reader.open();
    });
  }

  /** Ends the streams that this process writes: their readers fail with the reason `closed`. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.#writers].map((writer) => writer.close()));
  }

  #scope(id: unknown): StreamScope {
    if (typeof id !== 'string') throw new InvalidOptionError('id', 'text', withoutText(id));
    const channel = buildChannel(this.#options.channel, { id });
    return { pubsub: this.#pubsub, options: this.#options, id, channel };
  }
}

/** Throws `InvalidOptionError` for values of other types: they are mistakes of the application. */
function checkReadOptions(name: string, since: unknown, startTimeout: unknown = 0) {
  if (since !== undefined && typeof since !== 'string') {
    throw new InvalidOptionError(name, 'text, or absent', withoutText(since));
  }
  return { since, startTimeout: checkMilliseconds('startTimeout', startTimeout) };
}
