import { ConnectionError, messageOf } from '../../errors.js';
import type { ConnectAttempt } from './connect-attempt.js';
import { isReplyError } from './redis-error.js';

/** Why a connection is not ready. */
export interface ConnectFailure {
  readonly error: unknown;
  /** What was seen, in words. */
  readonly reason: string;
  /** Whether Redis itself gave the reason. */
  readonly isReply: boolean;
}

/** The failure that an error stands for; `reason` says more than its message. */
export function failureOf(error: unknown, reason = messageOf(error)): ConnectFailure {
  return { error, reason, isReply: isReplyError(error) };
}

/** The failure of an attempt to connect; `error` is `undefined` if it was closed without one. */
export function explainFailure(
  error: unknown,
  attempt: ConnectAttempt | undefined,
): ConnectFailure {
  const failure = failureOf(error, error === undefined ? CLOSED : messageOf(error));
  if (failure.isReply) return { ...failure, reason: withCure(failure.reason) };
  const reply = attempt?.onlyReply;
  if (reply !== undefined) return { error, reason: reply, isReply: true };
  return { ...failure, reason: explain(failure, attempt) };
}

function explain(failure: ConnectFailure, attempt: ConnectAttempt | undefined): string {
  const { error, reason } = failure;
  if (attempt?.isAnsweredWithTls) return ANSWERED_WITH_TLS;
  if (NOT_REDIS.test(reason)) return NOT_REDIS_REASON;
  const isOfSocket = error === undefined || hasCode(error);
  if (!attempt?.isOpen || !isOfSocket) return reason;
  return attempt.isTls ? explainTls(failure, attempt) : explainPlain(reason, attempt);
}

const CLOSED = 'the connection was closed before it was ready';
const ANSWERED_WITH_TLS = 'the server answers with TLS; use rediss://, or the option "tls"';
const NOT_REDIS = /^(Unknown RESP type|Protocol error)/;
const NOT_REDIS_REASON = 'the answer is not in the protocol of Redis; check the host and the port';

function hasCode(error: unknown): boolean {
  return error instanceof Error && 'code' in error && !(error instanceof ConnectionError);
}

function explainTls({ error, reason }: ConnectFailure, attempt: ConnectAttempt): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return 'the answer to the TLS handshake is not TLS; for a port without TLS use redis://, without the option "tls"';
  }
  const isSilent = [undefined, 'ETIMEDOUT', 'ECONNRESET', 'EPIPE'].includes(code as string);
  if (attempt.isSecure || !isSilent) return reason;
  return `${reason}: connected, and no answer to the TLS handshake; check whether this port expects TLS`;
}

function explainPlain(reason: string, attempt: ConnectAttempt): string {
  if (attempt.hasBytes) return reason;
  return `${reason}: connected, and closed without an answer; check whether this port expects TLS (rediss://), and whether the server knows HELLO (if not, protocol: 2)`;
}

function withCure(reply: string): string {
  if (!isInfoUnknown(reply)) return reply;
  return `${reply}; for a server without INFO set "enableReadyCheck" of the connection to false`;
}

/** Whether a server does not know INFO, which ioredis sends to learn whether it is ready. */
export function isInfoUnknown(error: unknown): boolean {
  return /unknown command.{0,3}info\b/i.test(messageOf(error));
}

const NO_ANSWER = /^(connect|read|write|getaddrinfo) E[A-Z]|^All sentinels are unreachable/;

/** The error for callers that wait for a connection to `server`, an address without credentials. */
export function connectionError(
  server: string,
  { error, reason, isReply }: ConnectFailure,
): ConnectionError {
  const what = isReply
    ? 'Redis refused the connection'
    : isUnreachable(error)
      ? 'Redis is unreachable'
      : 'Cannot connect to Redis';
  const where = reason.includes(server) ? '' : ` (at ${server})`;
  // Redis' own text may end with a full stop. Applications look for the last words, which are those of ioredis.
  const text = `${what}: ${reason.replace(/\.$/, '')}${where}. Connection is closed.`;
  return new ConnectionError(text, { cause: error });
}

/** Whether no answer came. Otherwise a certificate was refused, or the application's `credentials` failed. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof ConnectionError) return true;
  return 'syscall' in error || 'errors' in error || NO_ANSWER.test(error.message);
}
