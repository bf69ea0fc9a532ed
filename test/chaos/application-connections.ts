import type { Redis } from 'ioredis';
import type { Topology } from '../support/faults/topology.js';

/** The connections of the application have this name. */
export const APPLICATION = 'application';

/** A connection of the application, as a node sees it. */
export interface ApplicationConnection {
  readonly node: Redis;
  readonly id: string;
  readonly isSubscriber: boolean;
}

/**
 * The connections of the application at all nodes.
 *
 * @see https://redis.io/docs/latest/commands/client-list/
 */
export async function applicationConnections(topology: Topology): Promise<ApplicationConnection[]> {
  const lists = topology.nodes().map(async (node) => {
    const list = String(await node.call('CLIENT', 'LIST'));
    return list
      .split('\n')
      .filter((line) => field(line, 'name') === APPLICATION)
      .map((line) => ({
        node,
        id: field(line, 'id'),
        isSubscriber: ['sub', 'psub', 'ssub'].some((kind) => Number(field(line, kind)) > 0),
      }));
  });
  return (await Promise.all(lists)).flat();
}

/** Has the servers close these connections. */
export async function killConnections(
  connections: readonly ApplicationConnection[],
): Promise<void> {
  const kills = connections.map(({ node, id }) => node.call('CLIENT', 'KILL', 'ID', id));
  await Promise.all(kills);
}

function field(line: string, name: string): string {
  return new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1] ?? '';
}
