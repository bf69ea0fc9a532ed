import type { Redis } from 'ioredis';

/** Has each of these nodes close the connections of its subscribers. */
export async function killSubscribers(nodes: readonly Redis[]): Promise<void> {
  for (const node of nodes) await node.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
}
