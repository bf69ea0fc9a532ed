import { isTopologyProvider } from '../broker/topology-provider.js';
import { hostAndPort, readCluster } from '../broker/cluster/cluster-connection.js';
import { isClient, isCluster } from '../broker/connection/redis-connection.js';
import type { ResolvedOptions } from '../options/resolve-options.js';

/** Whether two modules receive the same messages, as far as their options tell: the same server and prefix. */
export function isSameRedis(
  one: Pick<ResolvedOptions, 'connection' | 'prefix'>,
  other: Pick<ResolvedOptions, 'connection' | 'prefix'>,
): boolean {
  return one.prefix === other.prefix && serverOf(one.connection) === serverOf(other.connection);
}

/** Names of this machine, of which a client may use any. */
const THIS_MACHINE = new Set([
  'localhost',
  'localhost.',
  '127.0.0.1',
  '0.0.0.0',
  '::',
  '[::]',
  '::1',
  '[::1]',
  '::ffff:127.0.0.1',
  '[::ffff:7f00:1]',
]);

interface Address {
  readonly host?: string;
  readonly port?: number | string;
  readonly path?: string | null;
  readonly sentinels?: readonly Address[] | null;
  readonly name?: string;
}

function serverOf(connection: ResolvedOptions['connection']): unknown {
  if (isTopologyProvider(connection)) return connection;
  if (typeof connection === 'string') return addressOf(fromUrl(connection));
  if (isCluster(connection)) {
    const nodes = readCluster(connection).startupNodes.map(hostAndPort);
    return nodes.map(addressOf).toSorted().join();
  }
  if (isClient(connection)) return addressOf(connection.options);
  const { url, ...options } = connection;
  return addressOf(url === undefined ? options : fromUrl(url));
}

function fromUrl(url: string): Address {
  const { hostname, port } = new URL(url);
  return { host: hostname, ...(port && { port }) };
}

function addressOf({
  host = 'localhost',
  port = 6379,
  path,
  sentinels,
  name: group,
}: Address): string {
  if (sentinels) return `${group} at ${sentinels.map(addressOf).toSorted().join()}`;
  if (path) return path;
  const name = host.toLowerCase();
  return `${THIS_MACHINE.has(name) ? 'localhost' : name}:${port}`;
}
