import { messageOf, ConnectionError } from '../../errors.js';
import type { Redis } from 'ioredis';

/** The first version of Redis, and of what calls itself compatible with it, that has SSUBSCRIBE. */
const FIRST_MAJOR = 7;

/**
 * Rejects with a `ConnectionError` if a server is known to be too old for sharded Pub/Sub. One that
 * does not tell its version (INFO) is given the benefit of the doubt.
 */
export async function assertSharded(client: Redis): Promise<void> {
  const info = await client.info('server').catch(() => '');
  const version = /^redis_version:(\S+)/m.exec(info)?.[1];
  if (version === undefined || Number.parseInt(version, 10) >= FIRST_MAJOR) return;
  throw new ConnectionError(`sharded Pub/Sub needs Redis 7.0, this server is ${version}`);
}

/** The reply of a server that has never heard of sharded Pub/Sub, or belongs to a Cluster, in words; any other as it is. */
export function explainReply(error: unknown): unknown {
  const reply = messageOf(error);
  const why = EXPLANATIONS.find(([answer]) => answer.test(reply))?.[1];
  return why === undefined ? error : new Error(why, { cause: error });
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

const LOGIN_REFUSED = /^(WRONGPASS|NOAUTH|ERR invalid password|ERR Client sent AUTH)/;

/** Whether an error is Redis' answer to a command, and not the loss of a connection. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Whether Redis does not take the user or the password: no further attempt will mend that. */
export function isLoginRefused(error: unknown): boolean {
  return LOGIN_REFUSED.test(messageOf(error));
}
