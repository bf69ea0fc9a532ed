import type { Cluster, ClusterNode, ClusterOptions, RedisOptions } from 'ioredis';
import { translated } from '../connection/nat-map.js';

/** How often the topology is asked for, unless the Cluster's options say so; in milliseconds. */
const REFRESH_INTERVAL = 1_000;
/** How long an attempt at a node may last that does not answer, in milliseconds: there are others. */
const CONNECT_TIMEOUT = 2_000;
/** The longest delay that a timer of Node takes. */
const MAX_DELAY = 2 ** 31 - 1;

/** Where a Cluster is: some of its nodes and ioredis' own options, or a `Cluster` of the user's. */
export type ClusterConnection =
  { readonly nodes: readonly ClusterNode[]; readonly options?: ClusterOptions } | Cluster;

export interface ReadCluster {
  /** `host:port` each. */
  readonly startupNodes: readonly string[];
  /** For the connection to each node. */
  readonly redisOptions: RedisOptions;
  /** How often the topology is asked for, in milliseconds. */
  readonly interval: number;
  readonly translate: (address: string) => string;
}

/** Takes from ioredis' terms what is needed; of a user's own `Cluster` only how it is configured. */
export function readCluster(connection: ClusterConnection): ReadCluster {
  const { nodes, options = {} } =
    'isCluster' in connection ? configurationOf(connection) : connection;
  const { redisOptions = {}, slotsRefreshInterval, natMap } = options;
  return {
    startupNodes: nodes.map(addressOfNode),
    redisOptions: { connectTimeout: CONNECT_TIMEOUT, ...redisOptions },
    interval: checkInterval(slotsRefreshInterval),
    translate: (address) => {
      const mapped = translated(natMap, address);
      return mapped ? addressOf(mapped) : address;
    },
  };
}

/** ioredis takes what is not positive as "never"; here that would be deaf to failovers. */
function checkInterval(interval = 0): number {
  return interval > 0 ? Math.min(interval, MAX_DELAY) : REFRESH_INTERVAL;
}

export function addressOf({ host, port }: { host?: string; port?: number | string }): string {
  return `${host ?? '127.0.0.1'}:${port ?? 6379}`;
}

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

function configurationOf(cluster: Cluster): { nodes: ClusterNode[]; options: ClusterOptions } {
  // ioredis keeps them to itself, and has nothing else before it is connected.
  const { startupNodes } = cluster as unknown as { startupNodes: ClusterNode[] };
  return { nodes: startupNodes, options: cluster.options };
}
