import type { Measure } from '../harness/measure.js';
import { pointsOf } from '../harness/series.js';
import { limitNotes } from './support/floor-notes.js';
import { growthRow, LINEAR } from './support/growth-row.js';
import { measureReceiving } from './support/receiving.js';

const FLOODS = {
  full: [
    { bytes: 60, count: 8_000 },
    { bytes: 256, count: 8_000 },
    { bytes: 1_024, count: 8_000 },
    { bytes: 4_096, count: 3_000 },
    { bytes: 16_384, count: 1_000 },
    { bytes: 65_536, count: 250 },
    { bytes: 262_144, count: 60 },
  ],
  quick: [
    { bytes: 60, count: 500 },
    { bytes: 16_384, count: 100 },
  ],
};
const ROUNDS = { full: 5, quick: 1 };

/** The cost of a message as a function of the size of its data. */
export const scalePayload: Measure = {
  name: 'scale-payload',
  title: 'CPU per message, by size of its data',

  async run(bench) {
    const floods = bench.pick(FLOODS);
    const rounds = await measureReceiving(
      bench,
      { candidates: ['ours', 'built-in', 'ioredis'], rounds: ROUNDS },
      { isGlob: true },
      floods,
    );
    const sizes = floods.map(({ bytes }) => bytes);
    const points = pointsOf(sizes, rounds, ({ cpu }) => cpu);
    const row = growthRow('Cost of a message as its data grows', points);
    return {
      rows: [row],
      notes: limitNotes(row, LINEAR),
      series: {
        title: this.title,
        unit: 'µs of CPU per message',
        xTitle: 'bytes',
        isLogarithmic: true,
        points,
      },
    };
  },
};
