import { Cluster } from 'ioredis';
import { until } from '../chaos/until.js';
import type { TestCluster } from '../support/cluster.js';
import type { ServerProcess } from '../support/sentinel.js';
import type { Arena } from './arena.js';
import { SHARDED_IOREDIS, SHARDED_THIS_PACKAGE } from './contestants.js';
import { channelOf, fromNow, type Fault, type Publisher, type Stage } from './fault.js';

const CONTESTANTS = [SHARDED_IOREDIS, SHARDED_THIS_PACKAGE];

interface Target {
  readonly cluster: TestCluster;
  /** The master of the slots of all channels. */
  readonly owner: ServerProcess;
  readonly arena: Arena;
}

/** What can happen in a Cluster to the slot of a channel that somebody listens to, by sharded Pub/Sub. */
export function shardedFaults(clusterOf: () => TestCluster): Fault[] {
  const fault = (
    name: string,
    countedFrom: string,
    strike: (target: Target) => Promise<unknown>,
  ): Fault => ({
    topology: 'Cluster, sharded Pub/Sub',
    name,
    countedFrom,
    prepare: () => createStage(clusterOf(), strike),
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

async function moveSlots({ cluster, owner, arena }: Target): Promise<void> {
  const other = (await cluster.masters()).find((it) => it !== owner);
  if (!other) throw new Error('Expected the Cluster to have two masters, it has not');
  for (const { channel } of arena.lanes) await cluster.moveSlot(channel, other);
}

async function createStage(
  cluster: TestCluster,
  strike: (target: Target) => Promise<unknown>,
): Promise<Stage> {
  const [owner] = await cluster.masters();
  if (!owner) throw new Error('Expected the Cluster to have a master, it has not');
  const channels = new Map<string, string>();
  for (const contestant of CONTESTANTS) {
    channels.set(contestant.id, await cluster.channelOf(owner, channelOf(contestant)));
  }
  const publisher = await openShardedPublisher(cluster);
  return {
    contestants: CONTESTANTS,
    channelOf: ({ id }) => channels.get(id) ?? '',
    connectionOf: () => ({ nodes: cluster.startupNodes }),
    publisher,
    strike: async (arena) => {
      await strike({ cluster, owner, arena });
      return fromNow();
    },
    clear: async () => {
      publisher.close();
      await cluster.recover();
    },
  };
}

/** How long a message may wait for its answer, in milliseconds. */
const PATIENCE = 500;
/** How often it is asked who serves a slot, in milliseconds. */
const PACE = 100;

/** Sends nothing twice, so that the order is kept, and waits for nobody. */
async function openShardedPublisher({ startupNodes }: TestCluster): Promise<Publisher> {
  const client = new Cluster(startupNodes, {
    slotsRefreshInterval: PACE,
    slotsRefreshTimeout: PATIENCE,
    maxRedirections: 0,
    redisOptions: {
      commandTimeout: PATIENCE,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
    },
  });
  client.on('error', () => undefined);
  await until('the publisher is ready', () => client.status === 'ready');
  return {
    send: (channel, data) => client.spublish(channel, JSON.stringify(data)),
    close: () => client.disconnect(),
  };
}
