import { usageRow } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes } from '../harness/target.js';
import { SMALL } from '../workload/payloads.js';
import { usageAt } from './support/pick-usage.js';
import { measureReceiving } from './support/receiving.js';

const COUNT = { full: 24_000, quick: 500 };
const ROUNDS = { full: 7, quick: 1 };
/**
 * Fixes the size of the young generation, in MiB. A third of the work here is its garbage collection. V8 chooses the
 * size at run time, so that two processes with the same work would differ by half.
 */
const NODE_OPTIONS = ['--min-semi-space-size=16', '--max-semi-space-size=16'];

/** The cost of a message whose data a `ValidationPipe` validates as a DTO of class-validator. */
export const receiveValidated: Measure = {
  name: 'receive-validated',
  title: 'Receive with a ValidationPipe',

  async run(bench) {
    const rounds = await measureReceiving(
      bench,
      { candidates: ['ours', 'built-in', 'ioredis', 'node-redis'], rounds: ROUNDS },
      { isGlob: true, isValidated: true, nodeOptions: NODE_OPTIONS },
      [{ bytes: SMALL, count: bench.pick(COUNT) }],
    );
    const row = usageRow(this.title, rounds, usageAt(0), [atMostTimes(0.95, 'ioredis')]);
    return { rows: [{ ...row, bar: { chart: 'cpu-60-b', label: this.title } }] };
  },
};
