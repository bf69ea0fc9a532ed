import { isClient } from '../broker/connection/redis-connection.js';
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
  const { options, nodes } = connection as { options?: Address; nodes?: readonly unknown[] };
  if (nodes) return nodes.map(nodeOf).toSorted().join();
  return addressOf((isClient(connection) ? options : connection) as Address);
}

function nodeOf(node: unknown): string {
  if (typeof node === 'number') return addressOf({ port: node });
  if (typeof node !== 'string') return addressOf(node as Address);
  return addressOf(fromUrl(node.includes('://') ? node : `redis://${node}`));
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
