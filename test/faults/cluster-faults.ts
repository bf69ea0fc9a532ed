import { CLUSTER_CANDIDATES } from '../support/faults/candidates.js';
import { createPlainPublisher } from '../support/faults/plain-publisher.js';
import type { TestCluster } from '../support/cluster.js';
import type { ServerProcess } from '../support/sentinel.js';
import { channelOf, countFromNow, type Fault, type Scenario } from './fault.js';

interface NodeFault {
  /** The role of the node that the fault hits. */
  readonly role: 'master' | 'replica';
  readonly inject: (cluster: TestCluster, node: ServerProcess) => Promise<unknown>;
  readonly repair: (cluster: TestCluster, node: ServerProcess) => Promise<void>;
}

const recover = (cluster: TestCluster): Promise<void> => cluster.recover();

/** Faults of the Cluster node that a subscriber is connected to, with classic Pub/Sub. */
export function clusterFaults(clusterOf: () => TestCluster): Fault[] {
  const fault = (name: string, countedFrom: string, nodeFault: NodeFault): Fault => ({
    topology: 'Cluster, classic Pub/Sub',
    name,
    countedFrom,
    createScenario: () => createScenario(clusterOf(), nodeFault),
  });
  return [
    fault('failover of its master ordered', 'the end of the failover', {
      role: 'master',
      inject: (cluster, node) => cluster.failOver(node),
      repair: recover,
    }),
    fault('its node, a master, killed', 'the fault', {
      role: 'master',
      inject: (_, node) => node.kill(),
      repair: recover,
    }),
    fault('its node, a master, hung for good', 'the fault', {
      role: 'master',
      inject: async (_, node) => node.hang(),
      repair: recover,
    }),
    fault('its node, a replica, taken out of the Cluster', 'the fault', {
      role: 'replica',
      inject: (cluster, node) => cluster.remove(node),
      repair: (cluster, node) => cluster.adopt(node),
    }),
  ];
}

async function createScenario(
  cluster: TestCluster,
  { role, inject, repair }: NodeFault,
): Promise<Scenario> {
  const [master, other] = await cluster.masters();
  if (!master || !other) throw new Error('Expected the Cluster to have two masters, it has not');
  const node = role === 'master' ? master : await cluster.replicaOf(master);
  const publisher = createPlainPublisher({ host: '127.0.0.1', port: other.port });
  await publisher.ready();
  return {
    candidates: CLUSTER_CANDIDATES,
    channelOf,
    connectionOf: () => ({ nodes: cluster.startupNodes }),
    publisher,
    isInPlace: async ({ channel }) => {
      const [, count] = await node.client.pubsub('NUMSUB', channel.name);
      return Number(count) > 0;
    },
    inject: async () => {
      await inject(cluster, node);
      return countFromNow();
    },
    cleanUp: async () => {
      publisher.close();
      await repair(cluster, node);
    },
  };
}
