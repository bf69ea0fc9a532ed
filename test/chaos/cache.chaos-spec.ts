import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeAll } from '../support/app.js';
import { ClusterTopology } from '../support/faults/cluster-topology.js';
import type { ConnectionOptions } from '../support/faults/connection-options.js';
import { SentinelTopology } from '../support/faults/sentinel-topology.js';
import { StandaloneTopology } from '../support/faults/standalone-topology.js';
import type { Topology } from '../support/faults/topology.js';
import { CacheScenario } from './cache-scenario.js';
import { clusterFaults } from './cluster-faults.js';
import { findFault, type Fault } from './fault.js';
import { sentinelFaults } from './sentinel-faults.js';
import { settings } from './settings.js';
import { standaloneFaults } from './standalone-faults.js';

interface Target {
  readonly topology: Topology;
  readonly faults: readonly Fault[];
  /** The connection of the instance that no fault of a connection hits. */
  readonly direct?: ConnectionOptions;
}

interface Names {
  /** In these only the struck instance loses invalidations: a cache that ignores that has old values. */
  readonly losing: readonly string[];
  readonly others: readonly string[];
}

const startCluster = (isSharded: boolean) => async (): Promise<Target> => {
  const topology = await ClusterTopology.start({ isSharded });
  return { topology, faults: clusterFaults(topology) };
};

const KILL = 'CLIENT KILL of the subscriber';
const OF_CLUSTER = [
  'graceful failover of the master of the subscriber',
  'graceful failover of the master of the publisher',
  'killed master of the subscriber',
  'killed master of the subscriber, with a hung replica',
  'hung master of the subscriber',
  'slots of the channels moved',
];

const TARGETS: Readonly<Record<string, Names & { readonly start: () => Promise<Target> }>> = {
  'a standalone Redis': {
    start: async () => {
      const topology = await StandaloneTopology.start();
      return { topology, faults: standaloneFaults(topology), direct: topology.direct };
    },
    losing: [
      KILL,
      'output buffer limit reached',
      'ACL tightened, then loosened',
      'half-open in the direction of the client',
      'half-open in either direction',
      'cut in the middle of a message',
    ],
    others: [
      'CLIENT KILL of the publisher and the subscriber',
      'SIGKILL and restart',
      'SIGSTOP for longer than every deadline, then SIGCONT',
      'half-open in the direction of the server',
      'what the client sends is delayed',
      'the acknowledgement of subscriptions is delayed',
    ],
  },
  Sentinel: {
    start: async () => {
      const topology = await SentinelTopology.start();
      // One instance learns of a failover at once, and the other one may stay at the old master.
      return { topology, faults: sentinelFaults(topology), direct: topology.direct };
    },
    losing: [KILL],
    others: [
      'graceful failover',
      'graceful failover, with the connections to the sentinels half-open',
      'hung master',
      'killed master',
    ],
  },
  'a Cluster': {
    start: startCluster(false),
    losing: [KILL, 'detached replica of the subscriber'],
    others: OF_CLUSTER,
  },
  'a Cluster with shard channels': {
    start: startCluster(true),
    losing: [KILL],
    others: OF_CLUSTER,
  },
};

describe.each(Object.entries(TARGETS))('a local cache, with %s', (_, { start, losing, others }) => {
  let found: Target;
  let scenario: CacheScenario | undefined;
  beforeAll(async () => {
    found = await start();
  });
  afterEach(async () => {
    scenario?.close();
    await closeAll();
  });
  afterAll(() => found.topology.stop());

  it.each([...losing, ...others])(
    '%s: no value is older than the bound, and a cache that ignores losses has old ones',
    { timeout: 120_000 },
    async (name) => {
      scenario = await CacheScenario.start(found.topology, found.direct);
      const runs = settings().isFull ? 5 : 1;
      for (let run = 0; run < runs; run++) {
        await scenario.recoverFrom(findFault(found.faults, name));
      }
      expect(scenario.violations).toEqual([]);
      expect(scenario.hits).toBeGreaterThan(0);
      const least = losing.includes(name) ? 1 : 0;
      expect(scenario.violationsOfBlind.length).toBeGreaterThanOrEqual(least);
    },
  );
});
