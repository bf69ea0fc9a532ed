import type { Observable } from 'rxjs';
import { buildChannel } from '../channel/channel-pattern.js';
import { InvalidOptionError } from '../errors.js';
import { checkMilliseconds } from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import { withoutText } from '../shared/clean-error.js';

/** Options of {@link ResumableStreams}. */
export interface ResumableStreamsOptions {
  /**
   * The channel of a stream, with `:id` in the place of its id. All instances need the same value. The writer listens to
   * the same name with `.control` behind it.
   *
   * @defaultValue `'resumable.:id'`
   */
  readonly channel?: string;

  /**
   * The most chunks of one stream, from 1 to 50,000. A source with more fails its stream.
   *
   * @defaultValue `10_000`
   */
  readonly size?: number;

  /**
   * How long Redis keeps a stream after its end, in milliseconds. Also how long a writer waits for a Redis that is away.
   *
   * @defaultValue `600_000`
   */
  readonly ttl?: number;

  /**
   * The silence in milliseconds after which readers count the writer as lost, at least 300. The writer gives a sign three
   * times in it. The value of the writer holds for its readers.
   *
   * @defaultValue `15_000`
   */
  readonly writerTimeout?: number;
}

/** Where the chunks of a stream come from: the source itself, or a function that opens it once the id is claimed. */
export type StreamSource<T> =
  | AsyncIterable<T>
  | Observable<T>
  | ((
      /** Aborted when the stream is over before its source: after a stop, a failure, or the close of the application. */
      signal: AbortSignal,
    ) => AsyncIterable<T> | Observable<T>);

/** A stream that this process writes. */
export interface StreamWriting {
  readonly id: string;
  /**
   * Resolves when the end is stored in Redis. Rejects with the error of the source, with a `StreamError`, or with the
   * error of a Redis that does not take the chunks. It need not be handled: the failure is logged, too.
   */
  readonly done: Promise<'completed' | 'stopped'>;
  /** Ends the stream with the chunks that it has. Settles as {@link done}. Idempotent. */
  stop(): Promise<'completed' | 'stopped'>;
}

/** A chunk as a reader receives it. */
export interface StreamChunk<T> {
  readonly data: T;
  /** From 1, without a gap. */
  readonly number: number;
  /** The place behind this chunk, for `since`. It is short ASCII text without spaces. */
  readonly position: string;
}

/** Options of {@link ResumableStreams.read}. */
export interface ReadOptions {
  /**
   * The position of the last chunk that the caller has: what follows it comes first. Any text is valid.
   *
   * @defaultValue the beginning of the stream
   */
  readonly since?: string | undefined;

  /**
   * How long to wait for a stream that Redis does not have, in milliseconds. With 0, it fails at once.
   *
   * @defaultValue `0`
   */
  readonly startTimeout?: number;
}

/** Options of {@link ResumableStreams.readEvents}. */
export interface ReadEventsOptions extends Pick<ReadOptions, 'startTimeout'> {
  /**
   * The header `Last-Event-ID` of the request: what follows that event comes first. Any text is valid.
   *
   * @defaultValue none
   */
  readonly lastEventId?: string | undefined;
}

/** Redis keeps chunks that were stored twice, and signs of the writer, beside the chunks of a stream. */
const MAX_SIZE = 50_000;
const MIN_WRITER_TIMEOUT_MS = 300;

const DEFAULTS = {
  channel: 'resumable.:id',
  size: 10_000,
  ttl: 600_000,
  writerTimeout: 15_000,
} satisfies ResumableStreamsOptions;

/** The options, checked. Throws `InvalidOptionError`, and `InvalidChannelError` for a wrong `channel`. */
export function resolveStreamOptions(given: unknown = {}): Required<ResumableStreamsOptions> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError('options of ResumableStreams', 'an object', withoutText(given));
  }
  const names = Object.keys(DEFAULTS);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownName('option of ResumableStreams', unknown, names);
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const options = { ...DEFAULTS, ...(Object.fromEntries(set) as ResumableStreamsOptions) };
  buildChannel(options.channel, { id: 'id' });
  const { size } = options;
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
    throw new InvalidOptionError('size', `an integer from 1 to ${MAX_SIZE}`, withoutText(size));
  }
  checkMilliseconds('ttl', options.ttl, 1);
  checkMilliseconds('writerTimeout', options.writerTimeout, MIN_WRITER_TIMEOUT_MS);
  return options;
}
