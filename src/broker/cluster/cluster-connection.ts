import type { ClusterNode, ClusterOptions, RedisOptions } from 'ioredis';
import { startupNodesOf } from '../connection/ioredis-internals.js';
import { translate } from '../connection/nat-map.js';
import type { ClusterConnection } from '../connection/redis-connection.js';

/** How often the topology is refreshed, unless the options of the Cluster say so. */
const REFRESH_INTERVAL_MS = 1_000;
/** The limit for an attempt at a node that does not answer: there are others. */
const CONNECT_TIMEOUT_MS = 2_000;
/** The longest delay that a timer of Node takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The settings of a {@link ClusterConnection}. */
export interface ClusterSettings {
  /** Addresses `host:port`. */
  readonly startupNodes: readonly string[];
  /** ioredis options for the connection to each node. */
  readonly redisOptions: RedisOptions;
  /** How often the topology is refreshed, in milliseconds. */
  readonly intervalMs: number;
  /** Translates the address that a node announces to the one that it is reached at. */
  readonly translate: (address: string) => string;
}

/** Reads the settings of a connection; of a user's own `Cluster` its configuration alone is used. */
export function readCluster(connection: ClusterConnection): ClusterSettings {
  const { nodes, options = {} } =
    'isCluster' in connection
      ? { nodes: startupNodesOf(connection), options: connection.options }
      : connection;
  const { redisOptions = {}, slotsRefreshInterval, natMap }: ClusterOptions = options;
  return {
    startupNodes: nodes.map(addressOfNode),
    redisOptions: { connectTimeout: CONNECT_TIMEOUT_MS, ...redisOptions },
    intervalMs: validInterval(slotsRefreshInterval),
    translate: (address) => {
      const translated = translate(natMap, address);
      return translated ? addressOf(translated) : address;
    },
  };
}

/** With zero or less ioredis never refreshes; here a failover would never be noticed. */
function validInterval(interval = 0): number {
  return interval > 0 ? Math.min(interval, MAX_DELAY_MS) : REFRESH_INTERVAL_MS;
}

/** The address `host:port`. */
export function addressOf({ host, port }: { host?: string; port?: number | string }): string {
  return `${host ?? '127.0.0.1'}:${port ?? 6379}`;
}

/** The parts of an address `host:port`. */
export function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

function addressOfNode(node: ClusterNode): string {
  if (typeof node === 'number') return addressOf({ port: node });
  if (typeof node !== 'string') return addressOf(node);
  const { hostname, port } = new URL(node.includes('://') ? node : `redis://${node}`);
  return addressOf({ host: hostname.replace(/^\[|\]$/g, ''), port: port || undefined });
}
