import { readCluster } from '../broker/cluster/cluster-connection.js';
import { isClient, isCluster } from '../broker/connection/redis-connection.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/** Whether two modules receive the same messages, as far as their options tell: the same server and prefix. */
export function isSameRedis(
  one: Pick<ResolvedOptions, 'connection' | 'prefix'>,
  other: Pick<ResolvedOptions, 'connection' | 'prefix'>,
): boolean {
  return one.prefix === other.prefix && serverOf(one.connection) === serverOf(other.connection);
}

interface Address {
  readonly host?: string;
  readonly port?: number | string;
  readonly path?: string | null;
  readonly sentinels?: readonly Address[] | null;
  readonly name?: string;
}

function serverOf(connection: ResolvedOptions['connection']): string {
  if (typeof connection === 'string') return addressOf(fromUrl(connection));
  if (isCluster(connection)) return readCluster(connection).startupNodes.toSorted().join();
  if (isClient(connection)) return addressOf(connection.options);
  const { url, ...options } = connection;
  return addressOf(url === undefined ? options : fromUrl(url));
}

function fromUrl(url: string): Address {
  const { hostname, port } = new URL(url);
  return { host: hostname, ...(port && { port }) };
}

function addressOf({ host = 'localhost', port = 6379, path, sentinels, name }: Address): string {
  if (sentinels) return `${name} at ${sentinels.map(addressOf).toSorted().join()}`;
  if (path) return path;
  return `${['127.0.0.1', '[::1]', '::1'].includes(host) ? 'localhost' : host}:${port}`;
}
