import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { usedHeap } from './heap.js';
import { Random } from '../support/random.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';
import { startTargets, type Target } from './targets.js';

/** The heap of a process varies by this many megabytes. */
const MAX_GROWTH = 16;

describe.each(startTargets)('a long time with a fault of %s every few seconds', (_, start) => {
  let target: Target;
  beforeAll(async () => {
    target = await start();
  });
  afterAll(() => target.topology.stop());

  it(
    'every listener recovers, every loss is inside a reported gap, and the heap does not grow',
    { timeout: 3_600_000 },
    async () => {
      const { seed, soakSeconds } = settings();
      const random = new Random(seed);
      await Scenario.run(target.topology, async (scenario) => {
        const startedAt = performance.now();
        const elapsed = (): number => (performance.now() - startedAt) / 1_000;
        let heap: number | undefined;
        while (elapsed() < soakSeconds) {
          await setTimeout(random.below(5_000));
          await scenario.measure(random.pick(target.faults));
          if (elapsed() > soakSeconds / 4) heap ??= usedHeap();
        }
        expect(usedHeap() - (heap ?? 0)).toBeLessThan(MAX_GROWTH);
      });
    },
  );
});
