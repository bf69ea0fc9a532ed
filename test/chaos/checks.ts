import { randomUUID } from 'node:crypto';
import type { Scene } from './scene.js';
import { subjectConnections, type Topology } from './topology.js';
import { until } from './until.js';

/** Checks that Redis can still be told something: that of a new subscription, and of its end. */
export async function assertFreshSubscription({ subject, plain, topology }: Scene): Promise<void> {
  const channel = `chaos.fresh.${randomUUID()}`;
  let [isAcknowledged, isHeard] = [false, false];
  const onSubscribed = (): void => {
    isAcknowledged = true;
  };
  const observer = subject.service.observe(channel, { onSubscribed }).subscribe(() => {
    isHeard = true;
  });
  await until('a new subscription is acknowledged', () => isAcknowledged);
  await until('a new subscription hears', () => {
    plain.publish(channel, '"fresh"').catch(() => undefined);
    return isHeard;
  });
  observer.unsubscribe();
  await until(
    'Redis forgets a subscription that has ended',
    async () => (await subscribers(topology, channel)) === 0,
  );
}

/** Checks that Redis knows of exactly what the application listens to, over no more connections than needed. */
export async function assertCounts({ topology }: Scene): Promise<void> {
  const { channels, connections } = topology;
  const { literals, pattern } = channels;
  const patterns = pattern === undefined ? 0 : 1;
  for (const channel of literals) {
    await until(
      `PUBSUB knows one subscriber of ${channel}`,
      async () => (await subscribers(topology, channel)) === 1,
    );
  }
  await until(`PUBSUB NUMPAT is ${patterns}`, async () => (await globs(topology)) === patterns);
  await until(
    `the application has ${connections} connections`,
    async () => (await subjectConnections(topology)).length === connections,
  );
}

async function subscribers(topology: Topology, channel: string): Promise<number> {
  const question = topology.isSharded ? 'SHARDNUMSUB' : 'NUMSUB';
  const counts = topology.nodes().map(async (node) => {
    const [, count] = (await node.call('PUBSUB', question, channel)) as [string, number];
    return count;
  });
  return sum(await Promise.all(counts));
}

async function globs(topology: Topology): Promise<number> {
  const counts = topology.nodes().map(async (node) => Number(await node.pubsub('NUMPAT')));
  return sum(await Promise.all(counts));
}

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
