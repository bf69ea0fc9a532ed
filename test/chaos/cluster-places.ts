import type { ServerProcess } from '../support/sentinel.js';
import type { ClusterTopology } from './cluster-topology.js';
import type { Scene } from './scene.js';
import { until } from './until.js';

/** A half of the application under test. */
export type Half = 'subscriber' | 'publisher';

/**
 * The node that a half of the application is at, as a master: if it is none, it is made one. Sharded, it
 * is at all of them; then it is the one that owns the slot of a channel of that half.
 */
export async function masterOf(
  half: Half,
  { cluster, isSharded }: ClusterTopology,
  scene: Scene,
): Promise<ServerProcess> {
  const [lane] = half === 'subscriber' ? scene.lanes.plain : scene.lanes.own;
  if (isSharded) return cluster.ownerOf(lane?.channel ?? '');
  const node = cluster.nodeAt(await portOf(half, scene));
  const isMaster = (await cluster.masters()).includes(node);
  return isMaster ? node : cluster.failOver(await cluster.masterOf(node));
}

/** The node that the subscriber is at, as a replica: if it is none, it is made one. */
export async function replicaOfSubscriber(
  { cluster }: ClusterTopology,
  scene: Scene,
): Promise<ServerProcess> {
  const node = cluster.nodeAt(await portOf('subscriber', scene));
  if ((await cluster.masters()).includes(node)) await cluster.failOver(node);
  return node;
}

/** The port of the node that a half of the application is at. */
export async function portOf(half: Half, { subject }: Scene): Promise<number> {
  let port: number | undefined;
  await until(`the ${half} is at a node`, () => {
    const stream = subject.clients.at(half === 'publisher' ? 0 : -1)?.stream;
    port = stream && 'remotePort' in stream ? stream.remotePort : undefined;
    return port !== undefined;
  });
  return port ?? 0;
}
