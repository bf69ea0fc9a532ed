import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterTopology } from './cluster-topology.js';
import { Random } from './random.js';
import { sufferAtRandom } from './random-faults.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';
import { Standalone } from './standalone.js';
import type { Topology } from './topology.js';

describe('random numbers', () => {
  it('come the same for the same seed', () => {
    expect(numbers(7)).toEqual(numbers(7));
    expect(numbers(7)).not.toEqual(numbers(8));
    expect(new Set(numbers(7)).size).toBeGreaterThan(50);
  });
});

describe.each<[string, () => Promise<Topology>]>([
  ['a standalone Redis', () => Standalone.start()],
  ['a Cluster', () => ClusterTopology.start()],
])('random faults of %s in a row', (_, start) => {
  let redis: Topology;
  beforeAll(async () => {
    redis = await start();
  });
  afterAll(() => redis.stop());

  it('leave nobody deaf, and nothing is lost without a word', { timeout: 3_600_000 }, async () => {
    const { seed, faults } = settings();
    const played = Scenario.run(redis, (scenario) =>
      sufferAtRandom(scenario, redis.faults, new Random(seed), faults),
    );
    await expect(played).resolves.toBeUndefined();
  });
});

function numbers(seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: 100 }, () => random.below(1_000));
}
