import { randomUUID } from 'node:crypto';
import { eventually } from '../support/redis.js';
import type { Topology } from '../support/faults/topology.js';
import { applicationConnections } from './application-connections.js';
import type { FaultContext } from './fault.js';

/** Asserts that the application can subscribe to a new channel, and unsubscribe from it. */
export async function assertFreshSubscription({
  application,
  plain,
  topology,
}: FaultContext): Promise<void> {
  const channel = `chaos.fresh.${randomUUID()}`;
  let [isSubscribed, hasReceived] = [false, false];
  const onSubscribed = (): void => {
    isSubscribed = true;
  };
  const observer = application.service.observe(channel, { onSubscribed }).subscribe(() => {
    hasReceived = true;
  });
  await eventually(() => isSubscribed, 'Redis acknowledges a new subscription');
  await eventually(() => {
    plain.publish(channel, {}).catch(() => undefined);
    return hasReceived;
  }, 'a new subscription receives');
  observer.unsubscribe();
  await eventually(
    async () => (await subscribers(topology, channel)) === 0,
    'Redis has no subscription that has ended',
  );
}

/** Asserts that Redis has exactly the subscriptions and the connections that the application needs. */
export async function assertCounts({ topology }: FaultContext): Promise<void> {
  const { channelNames, connections } = topology;
  const patterns = channelNames.pattern === undefined ? 0 : 1;
  for (const channel of channelNames.literals) {
    await eventually(
      async () => (await subscribers(topology, channel)) === 1,
      `${channel} has one subscriber`,
    );
  }
  await eventually(
    async () => (await globs(topology)) === patterns,
    `PUBSUB NUMPAT is ${patterns}`,
  );
  await eventually(
    async () => (await applicationConnections(topology)).length === connections,
    `the application has ${connections} connections`,
  );
}

async function subscribers(topology: Topology, channel: string): Promise<number> {
  const query = topology.isSharded ? 'SHARDNUMSUB' : 'NUMSUB';
  const counts = topology.nodes().map(async (node) => {
    const [, count] = (await node.call('PUBSUB', query, channel)) as [string, number];
    return count;
  });
  return sum(await Promise.all(counts));
}

async function globs(topology: Topology): Promise<number> {
  const counts = topology.nodes().map(async (node) => Number(await node.pubsub('NUMPAT')));
  return sum(await Promise.all(counts));
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
