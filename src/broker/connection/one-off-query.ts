import type { Redis, RedisOptions } from 'ioredis';
import { ConnectionError, messageOf } from '../../errors.js';
import { ConnectAttempt } from './connect-attempt.js';
import { explainFailure, type ConnectFailure } from './connect-failure.js';
import { PUBLISHER_OPTIONS } from './create-clients.js';
import { disconnect } from './disconnect.js';
import { guardReplies, onSocket } from './ioredis-internals.js';
import { unreadyReason } from './ready-wait.js';
import { isReplyError } from './redis-error.js';
import { TimeLimit } from './time-limit.js';

/** The limit for connecting, and again for the answer. */
const QUERY_TIMEOUT_MS = 1_000;

/** The limit for both together once the answer is no longer needed. */
const CANCEL_TIMEOUT_MS = 500;

/** ioredis options of a client that is used for one query. Its user limits the time: ioredis does not read first. */
export const ONE_OFF_OPTIONS = {
  ...PUBLISHER_OPTIONS,
  retryStrategy: () => null,
  // ioredis would wait until a server has loaded its data, however long that takes.
  enableReadyCheck: false,
  connectTimeout: 10 * QUERY_TIMEOUT_MS,
  commandTimeout: undefined,
} as const satisfies RedisOptions;

/**
 * Connects a client, sends one query, and closes it. A connection of its own, since an older one may be
 * dead without a sign of it. Settles when the connection is closed at both ends. `signal` shortens the
 * time limit.
 */
export async function queryOnce<Answer>(
  client: Redis,
  query: (client: Redis) => Promise<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  guardReplies(client);
  let reason: unknown;
  // A socket that is destroyed in its handshake reports an error, too.
  let late: ConnectionError | undefined;
  let attempt: ConnectAttempt | undefined;
  onSocket(client, (socket) => {
    attempt = new ConnectAttempt(socket);
  });
  client.on('error', (error: unknown) => {
    reason = late ?? error;
  });
  const ended = new Promise<void>((resolve) => client.once('end', resolve));
  let deadline: NodeJS.Timeout | undefined;
  const limitTime = (): void => {
    // A socket that is destroyed at once would stay open at the server for a while.
    deadline = setTimeout(() => client.disconnect(), CANCEL_TIMEOUT_MS);
  };
  signal.addEventListener('abort', limitTime);
  const onLate = (): void => {
    reason ??= late = new ConnectionError(lateReason(client));
  };
  try {
    await inTime(client, client.connect(), onLate);
    const answer = await inTime(client, query(client), onLate);
    await disconnect(client);
    return answer;
  } catch (error) {
    client.disconnect();
    await ended;
    throw explained(reason ?? error, attempt);
  } finally {
    signal.removeEventListener('abort', limitTime);
    clearTimeout(deadline);
  }
}

/** Why a query to one server has no answer; `cause` is what ioredis reported. */
export class QueryError extends ConnectionError {
  /** Whether the server accepted the connection. */
  readonly wasOpen: boolean;
  /** Whether the reason is a reply of the server. */
  readonly isReply: boolean;

  constructor(
    { error, reason, isReply }: ConnectFailure,
    attempt: Pick<ConnectAttempt, 'isOpen'> | undefined,
  ) {
    super(reason, { cause: error });
    this.wasOpen = attempt?.isOpen === true;
    this.isReply = isReply;
  }
}

/** A reply of the server stays as it is. ioredis often says no more than that a connection was closed. */
function explained(error: unknown, attempt: ConnectAttempt | undefined): unknown {
  if (isReplyError(error)) return error;
  const isClose = messageOf(error) === 'Connection is closed.';
  return new QueryError(explainFailure(isClose ? undefined : error, attempt), attempt);
}

function lateReason(client: Redis): string {
  return client.status === 'ready'
    ? `no answer within ${QUERY_TIMEOUT_MS} ms`
    : unreadyReason(client, QUERY_TIMEOUT_MS);
}

/** Settles as `work` does. Disconnects the client of it, after `onLate`, when that takes longer than a query may. */
export function inTime<T>(
  client: Redis,
  work: Promise<T>,
  onLate: () => void = () => undefined,
): Promise<T> {
  const limit = new TimeLimit(
    QUERY_TIMEOUT_MS,
    () => client.stream,
    () => {
      onLate();
      client.disconnect();
    },
  );
  return work.finally(() => limit.cancel());
}
