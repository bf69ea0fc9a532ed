import { usageRow } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes } from '../harness/target.js';
import { SMALL } from '../workload/payloads.js';
import { usageAt } from './support/pick-usage.js';
import { measureReceiving } from './support/receiving.js';

const COUNT = { full: 8_000, quick: 500 };
/** Processes differ by a fifth here, as each has a heap of its own to collect. */
const ROUNDS = { full: 9, quick: 1 };

/** What a message takes whose data goes through a `ValidationPipe` into a DTO of class-validator. */
export const receiveValidated: Measure = {
  name: 'receive-validated',
  title: 'Receive with a ValidationPipe',

  async run(bench) {
    const rounds = await measureReceiving(
      bench,
      { participants: ['ours', 'built-in', 'ioredis', 'node-redis'], rounds: ROUNDS },
      { isGlob: true, isValidated: true },
      [{ bytes: SMALL, count: bench.pick(COUNT) }],
    );
    const row = usageRow(this.title, rounds, usageAt(0), [atMostTimes(1.1, 'ioredis')]);
    return { rows: [{ ...row, bar: { chart: 'cpu-60-b', label: this.title } }] };
  },
};
