import type { Redis } from 'ioredis';
import { ConnectionError, messageOf } from '../../errors.js';
import { isError } from '../../shared/is-error.js';

const LOGIN_REFUSED = /^(WRONGPASS|NOAUTH|ERR invalid password|ERR Client sent AUTH)/;

/** The first major version of Redis, and of compatible servers, with SSUBSCRIBE. */
const FIRST_SHARDED_MAJOR = 7;

/** Whether an error is Redis' reply to a command, and not the loss of a connection. */
export function isReplyError(error: unknown): error is Error {
  return isError(error) && error.name === 'ReplyError';
}

/** Whether Redis refuses the user or the password. Further attempts with the same ones fail, too. */
export function isLoginRefused(error: unknown): boolean {
  return LOGIN_REFUSED.test(messageOf(error));
}

/**
 * Rejects with a `ConnectionError` if a server is known to be too old for sharded Pub/Sub. A server that
 * does not tell its version is accepted.
 *
 * @see https://redis.io/docs/latest/commands/info/
 */
export async function assertShardedSupport(client: Redis): Promise<void> {
  const info = await client.info('server').catch(() => '');
  const version = /^redis_version:(\S+)/m.exec(info)?.[1];
  if (version === undefined || Number.parseInt(version, 10) >= FIRST_SHARDED_MAJOR) return;
  throw new ConnectionError(`sharded Pub/Sub needs Redis 7.0, this server is ${version}`);
}

const EXPLANATIONS = [
  [
    /unknown command.{0,3}s(un)?(subscribe|publish)/i,
    'sharded Pub/Sub needs Redis 7.0, and this server does not have it',
  ],
  [
    /^MOVED /,
    'another node of a Cluster has this shard channel; connect with `{ nodes }`, not to a single node',
  ],
] as const;

/** Explains the reply of a server without sharded Pub/Sub, or of a Cluster's node; returns any other error as it is. */
export function explainReply(error: unknown): unknown {
  const reply = messageOf(error);
  const why = EXPLANATIONS.find(([pattern]) => pattern.test(reply))?.[1];
  return why === undefined ? error : new Error(why, { cause: error });
}
