import { usageRow } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes } from '../harness/target.js';
import { SMALL } from '../workload/payloads.js';
import { usageAt } from './support/pick-usage.js';
import { measureReceiving } from './support/receiving.js';

const COUNT = { full: 24_000, quick: 500 };
const ROUNDS = { full: 7, quick: 1 };
/**
 * A young generation of the same size in each process, in MiB: V8 finds one as it goes, and a third of the work here
 * is its collection, so that processes that do the same would differ by half.
 */
const NODE_OPTIONS = ['--min-semi-space-size=16', '--max-semi-space-size=16'];

/** What a message takes whose data goes through a `ValidationPipe` into a DTO of class-validator. */
export const receiveValidated: Measure = {
  name: 'receive-validated',
  title: 'Receive with a ValidationPipe',

  async run(bench) {
    const rounds = await measureReceiving(
      bench,
      { participants: ['ours', 'built-in', 'ioredis', 'node-redis'], rounds: ROUNDS },
      { isGlob: true, isValidated: true, nodeOptions: NODE_OPTIONS },
      [{ bytes: SMALL, count: bench.pick(COUNT) }],
    );
    const row = usageRow(this.title, rounds, usageAt(0), [atMostTimes(1.1, 'ioredis')]);
    return { rows: [{ ...row, bar: { chart: 'cpu-60-b', label: this.title } }] };
  },
};
