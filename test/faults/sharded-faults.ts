import type { ClusterOptions } from 'ioredis';
import { SHARDED_CANDIDATES } from '../support/faults/candidates.js';
import { FAIL_AT_ONCE } from '../support/faults/plain-publisher.js';
import { ShardPublisher } from '../support/faults/shard-publisher.js';
import type { TestCluster } from '../support/cluster.js';
import type { ServerProcess } from '../support/sentinel.js';
import {
  channelOf,
  countFromNow,
  type Fault,
  type RunningCandidates,
  type Scenario,
} from './fault.js';

interface Target {
  readonly cluster: TestCluster;
  /** The master that owns the slots of all channels. */
  readonly owner: ServerProcess;
  readonly candidates: RunningCandidates;
}

/**
 * A message waits for the connection to a new owner. So the publisher recovers no later than the candidates,
 * and Redis accepts the messages that they lose.
 */
const QUEUE_OFFLINE: ClusterOptions = {
  enableOfflineQueue: true,
  redisOptions: { ...FAIL_AT_ONCE, commandTimeout: 500 },
};

/** Faults of the slot of a sharded channel in a Cluster. */
export function shardedFaults(clusterOf: () => TestCluster): Fault[] {
  const fault = (
    name: string,
    countedFrom: string,
    inject: (target: Target) => Promise<unknown>,
  ): Fault => ({
    topology: 'Cluster, sharded Pub/Sub',
    name,
    countedFrom,
    createScenario: () => createScenario(clusterOf(), inject),
  });
  return [
    fault('failover of its master ordered', 'the end of the failover', ({ cluster, owner }) =>
      cluster.failOver(owner),
    ),
    fault('its slot moved to another master', 'the end of the move', moveSlots),
    fault('its master killed', 'the fault', ({ owner }) => owner.kill()),
    fault('its master hung for good', 'the fault', async ({ owner }) => owner.hang()),
  ];
}

async function moveSlots({ cluster, owner, candidates }: Target): Promise<void> {
  const other = (await cluster.masters()).find((it) => it !== owner);
  if (!other) throw new Error('Expected the Cluster to have two masters, it has not');
  for (const { name } of candidates.channels) await cluster.moveSlot(name, other);
}

async function createScenario(
  cluster: TestCluster,
  inject: (target: Target) => Promise<unknown>,
): Promise<Scenario> {
  const [owner] = await cluster.masters();
  if (!owner) throw new Error('Expected the Cluster to have a master, it has not');
  const channels = new Map<string, string>();
  for (const candidate of SHARDED_CANDIDATES) {
    channels.set(candidate.id, await cluster.channelOf(owner, channelOf(candidate)));
  }
  const publisher = new ShardPublisher({ nodes: cluster.startupNodes }, QUEUE_OFFLINE);
  await publisher.ready();
  return {
    candidates: SHARDED_CANDIDATES,
    channelOf: ({ id }) => channels.get(id) ?? '',
    connectionOf: () => ({ nodes: cluster.startupNodes }),
    publisher,
    inject: async (candidates) => {
      await inject({ cluster, owner, candidates });
      return countFromNow();
    },
    cleanUp: async () => {
      publisher.close();
      await cluster.recover();
    },
  };
}
