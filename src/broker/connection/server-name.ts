import type { Redis } from 'ioredis';
import type { ServerInfo } from './ioredis-internals.js';

/** The address of a client's server, without credentials. */
export function serverOf({ options: { path, host, port, sentinels, name } }: Redis): string {
  if (sentinels) return `the master "${name}" of the sentinels`;
  return path ?? `${host}:${port}`;
}

/** What a new connection leads to, as far as it is known. */
export function detailsOf(
  { options: { db, sentinels }, stream }: Redis,
  { role }: ServerInfo,
): string {
  const details = [`database ${db ?? 0}`];
  // The options have no address: the sentinels told it.
  if (sentinels && stream.remotePort !== undefined) {
    details.unshift(`at ${stream.remoteAddress}:${stream.remotePort}`);
  }
  if (role !== undefined && !sentinels) details.push(role === 'slave' ? 'a replica' : `a ${role}`);
  return ` (${details.join(', ')})`;
}
