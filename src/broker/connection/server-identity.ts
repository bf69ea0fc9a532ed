import type { Redis } from 'ioredis';
import type { ServerInfo } from './ioredis-internals.js';
import { isReplyError } from './redis-error.js';

/** What a server says of itself, as far as it may be asked. */
export interface ServerIdentity {
  /** Differs between any two servers, and changes with a restart. */
  readonly runId?: string | undefined;
  readonly role?: 'master' | 'replica' | undefined;
  /** Whether it answered, and did not tell its `runId`: the user may not call INFO, or a proxy answers. */
  readonly isUntold?: true;
}

/** Reads the identity from the fields of INFO. */
export function identityIn({ run_id: runId, role }: ServerInfo): ServerIdentity {
  return { runId, role: roleOf(role) };
}

/**
 * Asks a server for its identity over a connection. Never rejects: what cannot be learned is absent, as with a
 * user that may not call INFO.
 *
 * @see https://redis.io/docs/latest/commands/info/
 */
export async function askIdentity(client: Redis): Promise<ServerIdentity> {
  // Redis 6.2 takes one section at a time.
  const [server, replication] = await Promise.all([
    answer(client, 'INFO', 'server'),
    answer(client, 'INFO', 'replication'),
  ]);
  const role = field(replication, 'role') ?? (await askRole(client));
  const runId = field(server, 'run_id');
  const isUntold = runId === undefined && server !== undefined;
  return { runId, role: roleOf(role), ...(isUntold && { isUntold }) };
}

/** The id of the data that a server replicates, in its reply to INFO; `undefined` if it does not tell. */
export function replicationIdIn(info: unknown): string | undefined {
  return field(info, 'master_replid');
}

/** ROLE needs another permission than INFO. */
async function askRole(client: Redis): Promise<string | undefined> {
  const role = await answer(client, 'ROLE');
  return Array.isArray(role) ? String(role[0]) : undefined;
}

/** The reply, be it an error; nothing when the connection fails. */
function answer(client: Redis, command: string, ...args: string[]): Promise<unknown> {
  return client
    .call(command, ...args)
    .catch((error: unknown) => (isReplyError(error) ? error : undefined));
}

function field(info: unknown, name: string): string | undefined {
  return typeof info === 'string' ? new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] : undefined;
}

function roleOf(role: string | undefined): ServerIdentity['role'] {
  if (role === 'master') return 'master';
  return role === 'slave' || role === 'replica' ? 'replica' : undefined;
}
