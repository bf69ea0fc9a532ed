import type { ClusterTopology } from '../support/faults/cluster-topology.js';
import { eventually } from '../support/redis.js';
import type { ServerProcess } from '../support/sentinel.js';
import type { FaultContext } from './fault.js';

/** A connection of the application. */
export type ConnectionRole = 'subscriber' | 'publisher';

/**
 * The master that a connection of the application is at. If its node is a replica, this promotes it. A sharded
 * application is at every master; then this is the owner of a channel that the connection uses.
 */
export async function masterOf(
  role: ConnectionRole,
  { cluster, isSharded }: ClusterTopology,
  context: FaultContext,
): Promise<ServerProcess> {
  const [channel] = role === 'subscriber' ? context.channels.plain : context.channels.own;
  if (isSharded) return cluster.ownerOf(channel?.name ?? '');
  const node = cluster.nodeAt(await portOf(role, context));
  const isMaster = (await cluster.masters()).includes(node);
  return isMaster ? node : cluster.failOver(await cluster.masterOf(node));
}

/** The replica that the subscriber is at. If its node is a master, this makes it a replica. */
export async function replicaOfSubscriber(
  { cluster }: ClusterTopology,
  context: FaultContext,
): Promise<ServerProcess> {
  const node = cluster.nodeAt(await portOf('subscriber', context));
  if ((await cluster.masters()).includes(node)) await cluster.failOver(node);
  return node;
}

/** The port of the node that a connection of the application is at. */
export async function portOf(
  role: ConnectionRole,
  { application }: Pick<FaultContext, 'application'>,
): Promise<number> {
  let port: number | undefined;
  await eventually(() => {
    const stream = application.clients.at(role === 'publisher' ? 0 : -1)?.stream;
    port = stream && 'remotePort' in stream ? stream.remotePort : undefined;
    return port !== undefined;
  }, `the ${role} is connected to a node`);
  return port ?? 0;
}
