import { channelKind, type ChannelKind } from '../channel/subscription-key.js';
import type { Headers, MessageCodec, OutgoingMessage } from '../codec/codec.js';
import { PLAIN_FORMATS, type PlainFormat } from '../codec/plain-format.js';
import { InvalidOptionError, shorten } from '../errors.js';
import { checkHistoryLimits } from '../options/history-check.js';
import type { HistoryLimits } from '../options/options.js';
import { checkBoolean, checkMilliseconds, checkOneOf } from '../options/option-checks.js';
import { addBrand, brandOf } from '../shared/brand.js';

const RECORD = brandOf('record');

/** Data with headers, for `emit`, `send` and `publish`. Created by {@link RedisPubSubRecordBuilder}. */
export class RedisPubSubRecord<T = unknown> {
  static {
    addBrand(this.prototype, RECORD);
  }

  /** For readers in other languages: sends the bare data in this format, without a packet. */
  readonly format?: 'json' | 'text';

  /** For an event: how much Redis keeps of its channel. Overrides the option `history`; `false` keeps nothing. */
  readonly history?: HistoryLimits | false;

  constructor(
    readonly data: T,
    readonly headers: Headers = {},
    /** For a request: overrides the client's `requestTimeout`, in milliseconds. */
    readonly timeout?: number,
    /** Overrides the `sharded` of the client or the module. */
    readonly sharded?: boolean,
  ) {}
}

/** Builds a {@link RedisPubSubRecord}: `new RedisPubSubRecordBuilder(user).setHeader('tenant', 'a').build()`. */
export class RedisPubSubRecordBuilder<T = unknown> {
  #data: T;
  readonly #headers = new Map<string, string>();
  #timeout: number | undefined;
  #sharded: boolean | undefined;
  #format: PlainFormat | undefined;
  #history: HistoryLimits | false | undefined;

  constructor(data: T) {
    this.#data = data;
  }

  /** Replaces the data. */
  setData(data: T): this {
    this.#data = data;
    return this;
  }

  /** Sets a header. Throws `InvalidOptionError` unless both are strings, and the name is not empty. */
  setHeader(name: string, value: string): this {
    checkHeader(name, value);
    this.#headers.set(name, value);
    return this;
  }

  /** Sets several headers; see {@link setHeader}. */
  setHeaders(headers: Headers): this {
    for (const [name, value] of Object.entries(checkHeaders(headers))) this.setHeader(name, value);
    return this;
  }

  /** How long this request waits for its next reply, in milliseconds; 0 means no limit. Throws `InvalidOptionError`. */
  setTimeout(milliseconds: number): this {
    this.#timeout = checkMilliseconds('timeout', milliseconds);
    return this;
  }

  /** Whether this message is published to a shard channel (SPUBLISH). Overrides the client's `sharded`. */
  setSharded(sharded = true): this {
    this.#sharded = checkBoolean('sharded', sharded);
    return this;
  }

  /**
   * Sends the bare data of this event, for readers in other languages: `'json'`, or `'text'`, a string or bytes
   * as they are. Such a message has no headers, and a request cannot have a format.
   */
  setFormat(format: 'json' | 'text'): this {
    this.#format = checkFormat(format);
    return this;
  }

  /**
   * How much Redis keeps of the channel of this event, in the place of what the option `history` says; `false` publishes
   * it without keeping it. Throws `InvalidOptionError`.
   */
  setHistory(history: HistoryLimits | false): this {
    this.#history = checkRecordHistory(history);
    return this;
  }

  /** Creates the record. */
  build(): RedisPubSubRecord<T> {
    const record = new RedisPubSubRecord(
      this.#data,
      Object.fromEntries(this.#headers),
      this.#timeout,
      this.#sharded,
    );
    if (this.#format) Object.assign(record, { format: this.#format });
    if (this.#history !== undefined) Object.assign(record, { history: this.#history });
    return record;
  }
}

/**
 * Whether data is a record, of this copy of the package or another. Never throws. Runs for every message: V8 reads a
 * key that is always the same in a third of the time that `hasBrand` takes.
 */
export function isPubSubRecord(data: unknown): data is RedisPubSubRecord {
  if (typeof data !== 'object' || data === null) return false;
  try {
    return (data as Readonly<Record<symbol, unknown>>)[RECORD] === true;
  } catch {
    return false;
  }
}

/** Returns a format that is valid. Throws `InvalidOptionError`. */
export function checkFormat(format: unknown): PlainFormat {
  return checkOneOf('format', format, PLAIN_FORMATS);
}

/** The checked `format` of a record; `undefined` if the record has none, or the data is not a record. */
export function formatOf(data: unknown): PlainFormat | undefined {
  if (!isPubSubRecord(data) || data.format === undefined) return undefined;
  return checkFormat(data.format);
}

/** Returns limits that are valid, or `false`. Throws `InvalidOptionError`. */
export function checkRecordHistory(history: unknown): HistoryLimits | false {
  return history === false ? false : checkHistoryLimits('history', history);
}

/** The checked `history` of a record; `undefined` if the record has none, or the data is not a record. */
export function historyOf(data: unknown): HistoryLimits | false | undefined {
  if (!isPubSubRecord(data) || data.history === undefined) return undefined;
  return checkRecordHistory(data.history);
}

/** Refuses a record that is for events only. Throws `InvalidOptionError`. */
export function assertForRequests(data: unknown): void {
  const format = formatOf(data);
  if (format) throw new InvalidOptionError('format', 'absent, for requests', format);
  const history = historyOf(data);
  if (history) throw new InvalidOptionError('history', 'absent, for requests', history);
}

/** The `sharded` of a record; `undefined` if the record does not say it, or the data is not a record. */
export function shardedOf(data: unknown): boolean | undefined {
  return isPubSubRecord(data) ? (data.sharded ?? undefined) : undefined;
}

/** The kind of channel that data is published to: what its record says, or `defaultKind`. */
export function kindOf(data: unknown, defaultKind: ChannelKind): ChannelKind {
  const sharded = shardedOf(data);
  return sharded === undefined ? defaultKind : channelKind(sharded);
}

/**
 * The message with the parts of the record in its `data`, if there is one. Throws `InvalidOptionError` for
 * headers that the codec, or bare data in a `format`, cannot carry, and for those of a record or a dispatch hook that
 * are not text: receivers would leave them out.
 */
export function unwrapRecord(
  message: OutgoingMessage,
  codec: MessageCodec,
  format?: PlainFormat,
): OutgoingMessage {
  const { data } = message;
  if (message.metadata !== undefined) checkHeaders(message.metadata);
  if (!isPubSubRecord(data)) return message;
  const headers = checkHeaders(data.headers);
  // Bare data cannot carry what a dispatch hook adds either, but that is not worth an error.
  if (Object.keys(headers).length > 0) assertCarriesHeaders(codec, format);
  const metadata = { ...message.metadata, ...headers };
  // What a dispatch hook has set stays, with symbols that only this process sees.
  const hasHeaders = message.metadata !== undefined || Object.keys(headers).length > 0;
  // Not `{ ...message, metadata }`: V8 takes a microsecond for keys after a spread.
  return Object.assign({}, message, {
    data: data.data,
    metadata: hasHeaders ? metadata : undefined,
  });
}

function assertCarriesHeaders({ hasEnvelope }: MessageCodec, format?: PlainFormat): void {
  if (format) throw new InvalidOptionError('format', 'absent, for headers', format);
  if (!hasEnvelope) {
    throw new InvalidOptionError('codec', 'one with an envelope, for headers', 'bare data');
  }
}

/** Returns headers that are an object of strings. A `Map` or `Headers` of the platform has no fields to send. */
function checkHeaders(headers: unknown): Headers {
  if (Object.prototype.toString.call(headers) !== '[object Object]') {
    // Text may be a password.
    const got = typeof headers === 'string' ? '…' : headers;
    throw new InvalidOptionError('headers', 'an object of strings', got);
  }
  const record = headers as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(record)) checkHeader(name, record[name]);
  return headers as Headers;
}

function checkHeader(name: unknown, value: unknown): void {
  if (typeof name !== 'string' || name === '') {
    throw new InvalidOptionError('header name', 'a non-empty string', name);
  }
  if (typeof value !== 'string') {
    throw new InvalidOptionError(`header ${shorten(name)}`, 'a string', value);
  }
}
