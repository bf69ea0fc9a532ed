import { inspect } from 'node:util';
import { withoutArguments, withoutRepeatedArguments } from './clean-error.js';

/** The stable codes of {@link PubSubError}, for `switch` statements and log queries. */
export type PubSubErrorCode =
  | 'ERR_PUBSUB_CLOSED'
  | 'ERR_PUBSUB_CONNECTION'
  | 'ERR_PUBSUB_INVALID_CHANNEL'
  | 'ERR_PUBSUB_INVALID_OPTION'
  | 'ERR_PUBSUB_NO_SUBSCRIBERS'
  | 'ERR_PUBSUB_PAYLOAD'
  | 'ERR_PUBSUB_PUBLISH'
  | 'ERR_PUBSUB_QUERY'
  | 'ERR_PUBSUB_SUBSCRIBE'
  | 'ERR_PUBSUB_TIMEOUT';

/**
 * The base of every error of this package. `code` is stable across releases; `cause` is the error of ioredis
 * or of the application that led to it, if there is one, without the arguments of commands.
 */
export class PubSubError extends Error {
  readonly code: PubSubErrorCode;

  constructor(code: PubSubErrorCode, message: string, options?: ErrorOptions) {
    super(message, options?.cause ? { cause: withoutArguments(options.cause) } : undefined);
    this.code = code;
    this.name = new.target.name;
  }
}

/** An option, a handler option or an argument has the wrong type or range. Thrown at construction, or at the call. */
export class InvalidOptionError extends PubSubError {
  constructor(name: string, expected: string, got: unknown) {
    super('ERR_PUBSUB_INVALID_OPTION', `Expected "${name}" to be ${expected}, got ${show(got)}`);
  }
}

/** A channel name or a pattern is not valid for Redis or this package. */
export class InvalidChannelError extends PubSubError {
  constructor(message: string) {
    super('ERR_PUBSUB_INVALID_CHANNEL', message);
  }
}

/** Redis cannot be reached, or the connection was lost before Redis answered. */
export class ConnectionError extends PubSubError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_PUBSUB_CONNECTION', message, options);
  }
}

/** The server, client, service or application was closed. */
export class ClosedError extends PubSubError {
  constructor(message = 'Connection closed') {
    super('ERR_PUBSUB_CLOSED', message);
  }
}

/** A payload cannot be encoded, or is larger than `maxPayloadBytes`. */
export class PayloadError extends PubSubError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_PUBSUB_PAYLOAD', message, options);
  }
}

/** Redis refused a PUBLISH, a (P)SUBSCRIBE or a PUBSUB query, for example because the user has no permission. */
export class CommandRefusedError extends PubSubError {
  constructor(command: 'publish' | 'subscribe' | 'query', subject: string, cause: unknown) {
    const message = `Redis refused ${REFUSED[command].verb} "${shorten(subject)}": ${messageOf(cause)}`;
    super(REFUSED[command].code, message, { cause });
  }
}

const REFUSED = {
  publish: { code: 'ERR_PUBSUB_PUBLISH', verb: 'to publish to' },
  subscribe: { code: 'ERR_PUBSUB_SUBSCRIBE', verb: 'to subscribe to' },
  query: { code: 'ERR_PUBSUB_QUERY', verb: 'the query' },
} as const;

/** A request was published, and Redis delivered it to no subscriber. */
export class NoSubscribersError extends PubSubError {
  constructor(channel: string) {
    super('ERR_PUBSUB_NO_SUBSCRIBERS', `No subscriber for "${shorten(channel)}"`);
  }
}

/** A request had no reply within `requestTimeout`. */
export class RequestTimeoutError extends PubSubError {
  constructor(channel: string, timeout: number) {
    super('ERR_PUBSUB_TIMEOUT', `No reply on "${shorten(channel)}" within ${timeout} ms`);
  }
}

/** A thrown value of any type as a log shows it: the stack of an error. */
export function textOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.stack) : inspect(error, { breakLength: Infinity });
  } catch {
    return 'an error that cannot be shown';
  }
}

/**
 * The message of a thrown value of any type, without the arguments of commands. Of an error without a message
 * the messages of the errors that it joins, as of a host name with several addresses, or else its code.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = withoutRepeatedArguments(error.message).trim();
  if (message !== '') return message;
  const { errors, code } = error as { errors?: unknown; code?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.map(messageOf).join('; ');
  return typeof code === 'string' ? code : error.name;
}

/**
 * A channel name for an error or a log line. Publishers choose the names: they may be as long as Redis allows,
 * and must not add lines of their own to a log.
 */
export function shorten(channel: string): string {
  return cut(channel).replaceAll(/[\p{Cc}\u2028\u2029]/gu, escapeCharacter);
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** An address as an error may show it: text before an `@`, and after a `?`, may contain a password. */
export function withoutLogin(address: string): string {
  return address.replace(/^.*[/:].*@/s, '…@').replace(/([/:].*)\?.*$/s, '$1?…');
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(cut(withoutLogin(value)));
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) {
    if (!Array.isArray(value)) return 'an object';
    return value.length === 0 ? 'an empty array' : 'an array';
  }
  return String(value);
}
