import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterTopology } from './cluster-topology.js';
import { usedHeap } from './heap.js';
import { Random } from './random.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';
import { Standalone } from './standalone.js';
import type { Topology } from './topology.js';

/** In megabytes; the process has its own ups and downs. */
const GROWTH = 16;

describe.each<[string, () => Promise<Topology>]>([
  ['a standalone Redis', () => Standalone.start()],
  ['a Cluster', () => ClusterTopology.start()],
])('a long time with a fault of %s every few seconds', (_, start) => {
  let redis: Topology;
  beforeAll(async () => {
    redis = await start();
  });
  afterAll(() => redis.stop());

  it(
    'leaves nobody deaf, loses nothing without a word, and needs no more memory',
    { timeout: 3_600_000 },
    async () => {
      const { seed, soakSeconds } = settings();
      const random = new Random(seed);
      await Scenario.run(redis, async (scenario) => {
        const began = performance.now();
        const elapsed = (): number => (performance.now() - began) / 1_000;
        let heap: number | undefined;
        while (elapsed() < soakSeconds) {
          await setTimeout(random.below(5_000));
          await scenario.suffer(random.pick(redis.faults));
          if (elapsed() > soakSeconds / 4) heap ??= usedHeap();
        }
        expect(usedHeap() - (heap ?? 0)).toBeLessThan(GROWTH);
      });
    },
  );
});
