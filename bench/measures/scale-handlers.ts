import type { Measure } from '../harness/measure.js';
import { pointsOf } from '../harness/series.js';
import type { Usage } from '../harness/usage.js';
import { channelGlob } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';
import { growthRow } from './support/growth-row.js';
import { receiveOnce } from './support/receiving.js';

const HANDLERS = { full: [1, 10, 100, 1_000], quick: [1, 10] };
const COUNT = { full: 8_000, quick: 500 };
const ROUNDS = { full: 3, quick: 1 };

/** The cost of a message as a function of the number of handlers, each with its own glob. */
export const scaleHandlers: Measure = {
  name: 'scale-handlers',
  title: 'CPU per message, by registered handlers',

  async run(bench) {
    const handlers = bench.pick(HANDLERS);
    const rounds = await bench.runInRounds(
      ['ours', 'built-in', 'ioredis'] as const,
      async (candidate) => {
        const usages: Usage[] = [];
        for (const channels of handlers) {
          const patterns = Array.from({ length: channels }, (_, index) => channelGlob(index));
          const settings = { candidate, patterns, isGlob: true };
          const flood = { bytes: SMALL, count: bench.pick(COUNT), channels };
          usages.push(...(await receiveOnce(bench, settings, [flood])));
        }
        return usages;
      },
      ROUNDS,
    );
    const points = pointsOf(handlers, rounds, ({ cpu }) => cpu);
    return {
      rows: [growthRow('Cost of a message as handlers grow', points)],
      series: { title: this.title, unit: 'µs of CPU per message', xTitle: 'handlers', points },
    };
  },
};
