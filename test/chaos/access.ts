import { Cluster, Redis, type ClusterNode, type ClusterOptions, type RedisOptions } from 'ioredis';

/** A Cluster, by some of its nodes. */
export interface ClusterAccess {
  readonly nodes: ClusterNode[];
  readonly options?: ClusterOptions;
}

/** A way to Redis: to one server, by way of sentinels, or to a Cluster. */
export type Access = RedisOptions | ClusterAccess;

/** The same way, with further options for each connection. */
export function withOptions(access: Access, further: RedisOptions): Access {
  if (!isCluster(access)) return { ...access, ...further };
  const { nodes, options = {} } = access;
  return { nodes, options: { ...options, redisOptions: { ...options.redisOptions, ...further } } };
}

/** A client that is ioredis and nothing else. */
export function createClient(access: Access): Redis | Cluster {
  return isCluster(access) ? new Cluster(access.nodes, access.options) : new Redis(access);
}

/** Tells a Cluster from a single server. */
export function isCluster(access: Access): access is ClusterAccess {
  return 'nodes' in access;
}
