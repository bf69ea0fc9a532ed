import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../support/random.js';
import { injectAtRandom } from './random-faults.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';
import { startTargets, type Target } from './targets.js';

describe('random numbers', () => {
  it('are the same for the same seed', () => {
    expect(numbers(7)).toEqual(numbers(7));
    expect(numbers(7)).not.toEqual(numbers(8));
    expect(new Set(numbers(7)).size).toBeGreaterThan(50);
  });
});

describe.each(startTargets)('random faults of %s in a row', (_, start) => {
  let target: Target;
  beforeAll(async () => {
    target = await start();
  });
  afterAll(() => target.topology.stop());

  it(
    'every listener recovers, every loss is inside a reported gap, and the losses are counted',
    { timeout: 3_600_000 },
    async () => {
      const { seed, faults } = settings();
      const finished = Scenario.run(target.topology, async (scenario) => {
        await injectAtRandom(scenario, target.faults, new Random(seed), faults);
        const counts = scenario.application.audits.map(({ counted }) => counted);
        expect(Math.max(...counts), 'messages that were counted as lost').toBeGreaterThan(0);
      });
      await expect(finished).resolves.toBeUndefined();
    },
  );
});

function numbers(seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: 100 }, () => random.below(1_000));
}
