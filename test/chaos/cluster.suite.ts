import { afterAll, beforeAll, expect, it } from 'vitest';
import { ClusterTopology, type ClusterTopologyOptions } from './cluster-topology.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';
import { faultOf } from './topology.js';

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

/** Has an application suffer each of these faults, and be closed in the middle of it. */
export function clusterSuite(
  names: readonly string[],
  options: ClusterTopologyOptions,
): () => ClusterTopology {
  let redis: ClusterTopology;
  beforeAll(async () => {
    redis = await ClusterTopology.start(options);
  });
  afterAll(() => redis.stop());

  it('has these faults', () => {
    expect(redis.faults.map(({ name }) => name)).toEqual(names);
  });

  it.each(names)(
    '%s: nobody stays deaf, and nothing is lost without a word',
    { timeout: 600_000 },
    async (name) => {
      const { failovers, gracefulFailovers } = settings();
      const runs = GRACEFUL.includes(name) ? gracefulFailovers : failovers;
      const played = Scenario.run(redis, async (scenario) => {
        for (let run = 0; run < runs; run++) await scenario.suffer(faultOf(redis, name));
      });
      await expect(played).resolves.toBeUndefined();
    },
  );

  it.each(names)(
    '%s: the application can be closed in the middle of it',
    { timeout: 120_000 },
    async (name) => {
      const played = Scenario.run(redis, (scenario) => scenario.closeDuring(faultOf(redis, name)));
      await expect(played).resolves.toBeUndefined();
    },
  );

  return () => redis;
}
