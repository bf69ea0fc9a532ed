import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DETACHED } from './cluster-faults.js';
import { ClusterTopology } from './cluster-topology.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';
import { faultOf } from './topology.js';

const GRACEFUL = [
  'graceful failover of the master of the subscriber',
  'graceful failover of the master of the publisher',
];

const NAMES = [
  'CLIENT KILL of the subscriber',
  'CLIENT KILL of the publisher',
  'CLIENT KILL of the publisher and the subscriber',
  ...GRACEFUL,
  'killed master of the subscriber',
  'killed master of the subscriber, with a hung replica',
  'hung master of the subscriber',
  'slots of the channels moved',
  DETACHED,
];

describe('a Cluster', () => {
  let redis: ClusterTopology;
  beforeAll(async () => {
    redis = await ClusterTopology.start();
  });
  afterAll(() => redis.stop());

  it('has these faults', () => {
    expect(redis.faults.map(({ name }) => name)).toEqual(NAMES);
  });

  const sufferAll = (name: string): Promise<void> =>
    Scenario.run(redis, async (scenario) => {
      const { failovers, gracefulFailovers } = settings();
      const runs = GRACEFUL.includes(name) ? gracefulFailovers : failovers;
      for (let run = 0; run < runs; run++) await scenario.suffer(faultOf(redis, name));
    });

  it.each(NAMES)(
    '%s: nobody stays deaf, and nothing is lost without a word',
    { timeout: 600_000 },
    async (name) => {
      await expect(sufferAll(name)).resolves.toBeUndefined();
    },
  );

  it(`${DETACHED}: the probe finds it where nobody asks for the nodes`, async () => {
    const options = { connection: redis.fixedConnection, probeInterval: 200 };
    const played = Scenario.run(
      redis,
      async (scenario) => {
        await scenario.recover([await scenario.strike(faultOf(redis, DETACHED))]);
      },
      options,
    );
    await expect(played).resolves.toBeUndefined();
  });

  it.each(NAMES)(
    '%s: the application can be closed in the middle of it',
    { timeout: 120_000 },
    async (name) => {
      const played = Scenario.run(redis, (scenario) => scenario.closeDuring(faultOf(redis, name)));
      await expect(played).resolves.toBeUndefined();
    },
  );
});
