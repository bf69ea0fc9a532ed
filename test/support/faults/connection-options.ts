import { Cluster, Redis, type ClusterNode, type ClusterOptions, type RedisOptions } from 'ioredis';

/** How to connect to a Cluster. */
export interface ClusterConnectionOptions {
  /** The nodes that a client asks for the other nodes. */
  readonly nodes: ClusterNode[];
  readonly options?: ClusterOptions;
}

/** How to connect to one server, to the master that sentinels name, or to a Cluster. */
export type ConnectionOptions = RedisOptions | ClusterConnectionOptions;

/** Adds options for each connection. */
export function withOptions(
  connection: ConnectionOptions,
  further: RedisOptions,
): ConnectionOptions {
  if (!isCluster(connection)) return { ...connection, ...further };
  const { nodes, options = {} } = connection;
  return { nodes, options: { ...options, redisOptions: { ...options.redisOptions, ...further } } };
}

/** Creates a plain ioredis client. */
export function createIoredis(connection: ConnectionOptions): Redis | Cluster {
  return isCluster(connection)
    ? new Cluster(connection.nodes, connection.options)
    : new Redis(connection);
}

function isCluster(connection: ConnectionOptions): connection is ClusterConnectionOptions {
  return 'nodes' in connection;
}
