import type { TestCluster } from '../support/cluster.js';
import type { ServerProcess } from '../support/sentinel.js';
import { IN_A_CLUSTER } from './contestants.js';
import { channelOf, fromNow, type Fault, type Stage, type Strike } from './fault.js';
import { openPlainPublisher } from './plain-publisher.js';

interface Victim {
  readonly role: 'master' | 'replica';
  readonly strike: (cluster: TestCluster, node: ServerProcess) => Promise<Strike>;
  readonly mend: (cluster: TestCluster, node: ServerProcess) => Promise<void>;
}

const recover = (cluster: TestCluster): Promise<void> => cluster.recover();

/** What can happen to the node of a Cluster that somebody listens at, by classic Pub/Sub. */
export function clusterFaults(clusterOf: () => TestCluster): Fault[] {
  const fault = (name: string, countedFrom: string, victim: Victim): Fault => ({
    topology: 'Cluster, classic Pub/Sub',
    name,
    countedFrom,
    prepare: () => createStage(clusterOf(), victim),
  });
  return [
    fault('failover of its master ordered', 'the end of the failover', {
      role: 'master',
      strike: async (cluster, node) => {
        await cluster.failOver(node);
        return fromNow();
      },
      mend: recover,
    }),
    fault('its node, a master, killed', 'the fault', {
      role: 'master',
      strike: async (_, node) => {
        await node.kill();
        return fromNow();
      },
      mend: recover,
    }),
    fault('its node, a master, hung for good', 'the fault', {
      role: 'master',
      strike: async (_, node) => {
        node.hang();
        return fromNow();
      },
      mend: recover,
    }),
    fault('its node, a replica, taken out of the Cluster', 'the fault', {
      role: 'replica',
      strike: async (cluster, node) => {
        await cluster.remove(node);
        return fromNow();
      },
      mend: (cluster, node) => cluster.adopt(node),
    }),
  ];
}

async function createStage(cluster: TestCluster, { role, strike, mend }: Victim): Promise<Stage> {
  const [master, other] = await cluster.masters();
  if (!master || !other) throw new Error('Expected the Cluster to have two masters, it has not');
  const node = role === 'master' ? master : await cluster.replicaOf(master);
  const publisher = await openPlainPublisher({ host: '127.0.0.1', port: other.port });
  return {
    contestants: IN_A_CLUSTER,
    channelOf,
    connectionOf: () => ({ nodes: cluster.startupNodes }),
    publisher,
    isInPlace: async ({ lane }) => {
      const [, count] = await node.client.pubsub('NUMSUB', lane.channel);
      return Number(count) > 0;
    },
    strike: () => strike(cluster, node),
    clear: async () => {
      publisher.close();
      await mend(cluster, node);
    },
  };
}
