import { kindOfValue, messageOf, shorten } from './shared/printable.js';

export { messageOf, shorten, textOf } from './shared/printable.js';

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
 * or of the application that led to it, if there is one.
 */
export class PubSubError extends Error {
  readonly code: PubSubErrorCode;

  constructor(code: PubSubErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** An option, a handler option or an argument has the wrong type or range. Thrown at construction, or at the call. */
export class InvalidOptionError extends PubSubError {
  constructor(name: string, expected: string, got: unknown) {
    super(
      'ERR_PUBSUB_INVALID_OPTION',
      `Expected "${name}" to be ${expected}, got ${kindOfValue(got)}`,
    );
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
