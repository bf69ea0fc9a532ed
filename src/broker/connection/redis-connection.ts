import type { Cluster, ClusterNode, ClusterOptions, Redis, RedisOptions } from 'ioredis';

/** ioredis options, which may name the server by a URL. What the URL says must not be among the other fields. */
export type RedisConnectionOptions = RedisOptions & { readonly url?: string };

/**
 * Where Redis is: a URL (`redis://`, `rediss://`), ioredis options with or without a `url`, or an ioredis client of
 * your own. The options may have a unix socket, TLS and Sentinel. Your client publishes, and a `duplicate()` of it subscribes.
 * This package closes only the connections that it made. For a Cluster: `{ nodes, options }`, or a
 * `Cluster` of your own, of which the nodes and options are used.
 */
export type RedisConnection = string | RedisConnectionOptions | Redis | ClusterConnection;

/** Where a Cluster is: some of its nodes with ioredis' own options, or an ioredis `Cluster`. */
export type ClusterConnection =
  { readonly nodes: readonly ClusterNode[]; readonly options?: ClusterOptions } | Cluster;

/** Whether a connection leads to a Cluster. */
export function isCluster(connection: RedisConnection): connection is ClusterConnection {
  if (typeof connection === 'string') return false;
  return 'nodes' in connection || ('isCluster' in connection && connection.isCluster);
}

/** Tells an ioredis client from options by its methods: an application may load two copies of ioredis. */
export function isClient(connection: unknown): connection is Redis {
  return (
    typeof connection === 'object' &&
    connection !== null &&
    'duplicate' in connection &&
    typeof connection.duplicate === 'function'
  );
}
