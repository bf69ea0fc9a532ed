import { describe, expect, it } from 'vitest';
import { clusterSuite, NAMES } from './cluster.suite.js';
import { Random } from './random.js';
import { sufferAtRandom } from './random-faults.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';

describe('a Cluster with sharded Pub/Sub', () => {
  const redis = clusterSuite(NAMES, { isSharded: true });

  it('random faults in a row: nobody stays deaf', { timeout: 3_600_000 }, async () => {
    const { seed, faults } = settings();
    const played = Scenario.run(redis(), (scenario) =>
      sufferAtRandom(scenario, redis().faults, new Random(seed), faults),
    );
    await expect(played).resolves.toBeUndefined();
  });
});
