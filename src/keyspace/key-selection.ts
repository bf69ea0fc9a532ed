import { ChannelPattern, type ChannelParams } from '../channel/channel-pattern.js';
import { literalGlob, toByteString } from '../channel/glob.js';
import type { SubscriptionKey } from '../channel/subscription-key.js';
import { InvalidOptionError } from '../errors.js';

/** Text, and the bytes that it was decoded from where these are not UTF-8. */
export interface ByteText {
  readonly text: string;
  readonly bytes?: Buffer | undefined;
}

/** What a notification says, before it is compared with a {@link KeySelection}. */
export interface Notified {
  readonly key: ByteText;
  readonly event: string;
  readonly field?: ByteText | undefined;
}

/** Which notifications a handler or an observer receives, as it was written. */
export type KeySelectionOptions = {
  readonly pattern: unknown;
  /** @defaultValue 0 */
  readonly database?: unknown;
} & (
  | { readonly by: 'event'; readonly event: unknown }
  | { readonly by: 'key'; readonly events?: unknown }
  | { readonly by: 'field'; readonly field: unknown; readonly events?: unknown }
);

/** The kind of channel that a notification arrives on. */
export type NotificationChannel = 'keyspace' | 'keyevent' | 'subkeyspaceitem';

/** Names of events are words: a glob would make Redis compare every message with it. */
const EVENT = /^[\w.-]+$/;

/** Between the key and the field in the name of a channel. Redis reports no fields of keys that have one. */
const FIELD_SEPARATOR = '\n';

/**
 * Which notifications a handler or an observer receives: a channel of Redis, and what is compared in this process.
 * Knows nothing of connections.
 */
export class KeySelection {
  readonly channel: NotificationChannel;
  /** The pattern of the keys. */
  readonly pattern: ChannelPattern;
  readonly database: number;
  /** The names of the events; `undefined` for all. */
  readonly events: readonly string[] | undefined;
  readonly #field: ChannelPattern | undefined;
  /** What the names of its channels begin with. */
  readonly #start: string;

  /** Throws `InvalidOptionError` or `InvalidChannelError` for a selection that is not valid. */
  constructor(options: KeySelectionOptions) {
    this.channel = CHANNELS[options.by];
    this.pattern = checkPattern('pattern', options.pattern);
    this.database = checkDatabase(options.database);
    this.events =
      options.by === 'event' ? [checkEvent('event', options.event)] : checkEvents(options.events);
    this.#field = options.by === 'field' ? checkPattern('field', options.field) : undefined;
    this.#start = startOf(this.channel, this.database);
  }

  /** The subscription at each master. */
  get key(): SubscriptionKey {
    const { kind, name } = this.#subscription;
    return { kind, name: this.#start + name, atMasters: true };
  }

  /** The parameters of a notification of this channel; `undefined` if it is not selected. */
  match({ key, event, field }: Notified): ChannelParams | undefined {
    if (this.events && !this.events.includes(event)) return undefined;
    if (this.#field && (!field || !this.#field.matchBytes(byteStringOf(field)))) return undefined;
    return this.pattern.matchBytes(byteStringOf(key));
  }

  /**
   * Reads a message of its channel; `undefined` if Redis would not have sent it. `name` returns the bytes of the
   * channel's name, which are needed only where the name is no text.
   */
  read(channel: string, name: () => Buffer, payload: ByteText): Notified | undefined {
    if (this.channel === 'keyevent') {
      return { key: payload, event: channel.slice(this.#start.length) };
    }
    const event = payload.text;
    const rest = restOf(channel, name, this.#start.length);
    if (this.channel === 'keyspace') return { key: rest, event };
    const parts = splitAt(rest, FIELD_SEPARATOR);
    return parts && { key: parts[0], field: parts[1], event };
  }

  get #subscription(): SubscriptionKey {
    const { pattern } = this;
    if (this.channel === 'keyevent') return { kind: 'channel', name: String(this.events?.[0]) };
    if (!this.#field) return pattern;
    const parts = [pattern, this.#field];
    const isLiteral = parts.every(({ kind }) => kind === 'channel');
    const names = parts.map(({ kind, name }) =>
      isLiteral || kind === 'pattern' ? name : literalGlob(name),
    );
    return { kind: isLiteral ? 'channel' : 'pattern', name: names.join(FIELD_SEPARATOR) };
  }
}

const CHANNELS = { event: 'keyevent', key: 'keyspace', field: 'subkeyspaceitem' } as const;

/**
 * What the names of the channels of notifications begin with. None of it has a meaning in a glob.
 *
 * @see https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/
 */
export function startOf(channel: NotificationChannel, database: number): string {
  return `__${channel}@${database}__:`;
}

/** The text of bytes, and the bytes themselves where the text does not say all. */
export function byteText(text: string, bytes: () => Buffer): ByteText {
  return text.includes('\uFFFD') ? { text, bytes: bytes() } : { text };
}

function byteStringOf({ text, bytes }: ByteText): string {
  return bytes ? bytes.toString('latin1') : toByteString(text);
}

/** The rest of a name whose first characters are ASCII. */
function restOf(channel: string, name: () => Buffer, from: number): ByteText {
  return byteText(channel.slice(from), () => name().subarray(from));
}

function splitAt({ text, bytes }: ByteText, separator: string): [ByteText, ByteText] | undefined {
  const at = text.indexOf(separator);
  if (at < 0) return undefined;
  const [before, after] = [text.slice(0, at), text.slice(at + separator.length)];
  if (!bytes) return [{ text: before }, { text: after }];
  const byteAt = bytes.indexOf(separator);
  return [
    byteText(before, () => bytes.subarray(0, byteAt)),
    byteText(after, () => bytes.subarray(byteAt + separator.length)),
  ];
}

function checkPattern(name: string, pattern: unknown): ChannelPattern {
  if (typeof pattern === 'string' && pattern !== '') return ChannelPattern.parse(pattern);
  const what = name === 'field' ? 'the name or the glob of a field' : 'a key or a pattern of keys';
  throw new InvalidOptionError(name, what, pattern);
}

function checkDatabase(database: unknown = 0): number {
  if (Number.isInteger(database) && Number(database) >= 0) return Number(database);
  throw new InvalidOptionError('database', 'the number of a database, from 0', database);
}

function checkEvent(name: string, event: unknown): string {
  if (typeof event === 'string' && EVENT.test(event)) return event;
  throw new InvalidOptionError(name, 'the name of an event, such as "expired"', event);
}

function checkEvents(events: unknown): readonly string[] | undefined {
  if (events === undefined) return undefined;
  if (!Array.isArray(events) || events.length === 0) {
    throw new InvalidOptionError('events', 'an array of events, such as ["set", "del"]', events);
  }
  return events.map((event: unknown) => checkEvent('events', event));
}
