import { addBrand, brandOf, hasBrand } from './shared/brand.js';
import { withoutArguments } from './shared/clean-error.js';
import { kindOfValue, messageOf, shorten } from './shared/printable.js';

export { withoutArguments } from './shared/clean-error.js';
export { messageOf, shorten, textOf } from './shared/printable.js';

const ERROR = brandOf('error');

/** The stable codes of {@link PubSubError}, for `switch` statements and log queries. */
export type PubSubErrorCode =
  | 'ERR_PUBSUB_ACL'
  | 'ERR_PUBSUB_CLOSED'
  | 'ERR_PUBSUB_CONNECTION'
  | 'ERR_PUBSUB_INVALID_CHANNEL'
  | 'ERR_PUBSUB_INVALID_OPTION'
  | 'ERR_PUBSUB_NO_SUBSCRIBERS'
  | 'ERR_PUBSUB_PAYLOAD'
  | 'ERR_PUBSUB_PUBLISH'
  | 'ERR_PUBSUB_QUERY'
  | 'ERR_PUBSUB_STREAM'
  | 'ERR_PUBSUB_SUBSCRIBE'
  | 'ERR_PUBSUB_TIMEOUT';

/**
 * The base of every error of this package. Its `code` is stable across releases. Its `cause` is the error of ioredis
 * or of the application that led to it, if there is one. It has no arguments of commands.
 */
export class PubSubError extends Error {
  readonly code: PubSubErrorCode;
  /** 400 where text of a caller, such as an id in a URL, cannot be in a channel name; else absent. */
  declare readonly statusCode?: number;

  static {
    addBrand(this.prototype, ERROR);
  }

  constructor(code: PubSubErrorCode, message: string, options?: ErrorOptions) {
    super(message, options?.cause ? { cause: withoutArguments(options.cause) } : undefined);
    this.code = code;
    this.name = new.target.name;
  }
}

/** An option, a handler option or an argument has the wrong type or range. Thrown at construction, or at the call. */
export class InvalidOptionError extends PubSubError {
  constructor(message: string);
  constructor(name: string, expected: string, got: unknown);
  constructor(text: string, expected?: string, got?: unknown) {
    super(
      'ERR_PUBSUB_INVALID_OPTION',
      expected === undefined
        ? text
        : `Expected "${text}" to be ${expected}, got ${kindOfValue(got)}`,
    );
  }
}

/** A channel name or a pattern is not valid for Redis or this package. */
export class InvalidChannelError extends PubSubError {
  constructor(message: string) {
    super('ERR_PUBSUB_INVALID_CHANNEL', message);
  }
}

/**
 * Marks an error that the text of a caller has caused. Nest's HTTP filter answers it with 400 and its message,
 * as an error of the library `http-errors`.
 */
export function asBadRequest<E extends PubSubError>(error: E): E {
  return Object.assign(error, { statusCode: 400, status: 400, expose: true });
}

/**
 * Returns the error of a codec or a hook for a log line or a cause. `JSON.parse` quotes its input in its error, and
 * the input is a payload: such an error is replaced. All others stay as they are. Never throws.
 */
export function withoutPayload(error: unknown): unknown {
  try {
    return error instanceof SyntaxError
      ? new SyntaxError('the codec or a hook threw a SyntaxError, as JSON.parse does')
      : error;
  } catch {
    return error;
  }
}

/**
 * Whether a value is an error with this code. Unlike `instanceof`, it recognises the errors of another copy of the
 * package. Never throws.
 */
export function hasCode(error: unknown, code: PubSubErrorCode): boolean {
  return hasBrand(error, ERROR) && Reflect.get(Object(error) as object, 'code') === code;
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

/** Redis refused to publish, to subscribe, a query, a claim, or to read a history: for example, the user has no permission. */
export class CommandRefusedError extends PubSubError {
  constructor(command: keyof typeof REFUSED, subject: string, cause: unknown) {
    const message = `Redis refused ${REFUSED[command].verb} "${shorten(subject)}": ${messageOf(cause)}`;
    super(REFUSED[command].code, message, { cause });
  }
}

const REFUSED = {
  publish: { code: 'ERR_PUBSUB_PUBLISH', verb: 'to publish to' },
  subscribe: { code: 'ERR_PUBSUB_SUBSCRIBE', verb: 'to subscribe to' },
  query: { code: 'ERR_PUBSUB_QUERY', verb: 'the query' },
  claim: { code: 'ERR_PUBSUB_QUERY', verb: 'to claim' },
} as const;

/** The user of Redis lacks rights that this package needs. `PubSubAcl.assert` rejects with it. */
export class MissingRightsError extends PubSubError {
  constructor(
    user: string,
    servers: readonly string[],
    /** The rules of ACL SETUSER that are missing, each with what needs it. */
    readonly missing: readonly string[],
    /** The command of redis-cli that adds them. */
    readonly line: string,
  ) {
    const [names, where] = [missing, servers].map((it) => it.map(shorten).join(', '));
    const which = `The user "${shorten(user)}" lacks rights at ${where}`;
    super('ERR_PUBSUB_ACL', `${which}: ${names}. Add them: ${line}`);
  }
}

/** A request was published, and Redis delivered it to no subscriber. `hint`: a likely cause that is known. */
export class NoSubscribersError extends PubSubError {
  constructor(channel: string, hint = '') {
    super('ERR_PUBSUB_NO_SUBSCRIBERS', `No subscriber for "${shorten(channel)}"${hint}`);
  }
}

/** A request had no reply within `requestTimeout`. `hint`: what is known of the request. */
export class RequestTimeoutError extends PubSubError {
  constructor(channel: string, timeout: number, hint = '') {
    super('ERR_PUBSUB_TIMEOUT', `No reply on "${shorten(channel)}" within ${timeout} ms${hint}`);
  }
}
