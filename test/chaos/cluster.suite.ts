import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  ClusterTopology,
  type ClusterTopologyOptions,
} from '../support/faults/cluster-topology.js';
import { clusterFaults } from './cluster-faults.js';
import { findFault, type Fault } from './fault.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';

const GRACEFUL = [
  'graceful failover of the master of the subscriber',
  'graceful failover of the master of the publisher',
];

/** The faults of every Cluster. */
export const NAMES = [
  'CLIENT KILL of the subscriber',
  'CLIENT KILL of the publisher',
  'CLIENT KILL of the publisher and the subscriber',
  ...GRACEFUL,
  'killed master of the subscriber',
  'killed master of the subscriber, with a hung replica',
  'hung master of the subscriber',
  'slots of the channels moved',
];

/** Tests that an application recovers from each of these faults, and that it closes during each of them. */
export function clusterSuite(
  names: readonly string[],
  options: ClusterTopologyOptions,
): () => ClusterTopology {
  let redis: ClusterTopology;
  let faults: readonly Fault[];
  beforeAll(async () => {
    redis = await ClusterTopology.start(options);
    faults = clusterFaults(redis);
  });
  afterAll(() => redis.stop());

  it('has these faults', () => {
    expect(faults.map(({ name }) => name)).toEqual(names);
  });

  it.each(names)(
    '%s: every listener recovers, and every loss is inside a reported gap',
    { timeout: 600_000 },
    async (name) => {
      const { failovers, gracefulFailovers } = settings();
      const runs = GRACEFUL.includes(name) ? gracefulFailovers : failovers;
      const finished = Scenario.run(redis, async (scenario) => {
        for (let run = 0; run < runs; run++) await scenario.measure(findFault(faults, name));
      });
      await expect(finished).resolves.toBeUndefined();
    },
  );

  it.each(names)(
    '%s: the application closes while the fault lasts',
    { timeout: 120_000 },
    async (name) => {
      const finished = Scenario.run(redis, (scenario) =>
        scenario.closeDuring(findFault(faults, name)),
      );
      await expect(finished).resolves.toBeUndefined();
    },
  );

  return () => redis;
}
