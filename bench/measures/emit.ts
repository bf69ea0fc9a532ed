import type { Bench } from '../harness/bench.js';
import { usageRow, type Rounds } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes } from '../harness/target.js';
import { cpuOf, type Usage } from '../harness/usage.js';
import { floorNotes } from './support/floor-notes.js';
import { usageAt } from './support/pick-usage.js';
import { sizesFor, type Size } from './support/sizes.js';

const IN_FLIGHT = 500;
const MAX_RATIO_TO_BUILT_IN = 0.6;
const EXPECTATIONS = [atMostTimes(MAX_RATIO_TO_BUILT_IN, 'built-in'), atMostTimes(1.2, 'ioredis')];

/** The cost of an event for the process that emits it, with many events in flight. */
export const emit: Measure = {
  name: 'emit',
  title: `Emit, ${IN_FLIGHT} in flight`,

  async run(bench) {
    const sizes = sizesFor(bench);
    const rounds = await measureEmitting(bench, sizes);
    const rows = sizes.map(({ name, chart }, index) => ({
      ...usageRow(`${this.title}, ${name}`, rounds, usageAt(index), EXPECTATIONS),
      bar: { chart, label: this.title },
    }));
    return { rows, notes: floorNotes(rows, MAX_RATIO_TO_BUILT_IN) };
  },
};

function measureEmitting(bench: Bench, sizes: readonly Size[]): Promise<Rounds<Usage[]>> {
  return bench.runSideBySide(['ours', 'built-in', 'ioredis', 'node-redis'], (candidate, mutex) =>
    bench.withProcess('emitter', async (emitter) => {
      const { port } = bench.redis;
      await mutex.runExclusive(() => emitter.connect(candidate, port, { batches: false }));
      const usages: Usage[] = [];
      for (const { bytes, count } of sizes) {
        const emitSome = () => emitter.emit({ bytes, count, inFlight: IN_FLIGHT });
        await mutex.runExclusive(emitSome);
        usages.push(await bench.sample(emitSome, cpuOf, mutex));
      }
      return usages;
    }),
  );
}
