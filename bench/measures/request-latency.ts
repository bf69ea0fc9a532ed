import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes } from '../harness/target.js';
import { measureRequesting } from './support/requesting.js';

const COUNT = { full: 1_000, quick: 100 };
const WARM_UP = { full: 20_000, quick: 100 };

/** How long a request waits for its answer, one at a time. */
export const requestLatency: Measure = {
  name: 'request-latency',
  title: 'Request-response, one at a time',

  async run(bench) {
    const participants = ['ours', 'built-in', 'ioredis'] as const;
    const rounds = await measureRequesting(bench, participants, {
      count: bench.pick(COUNT),
      inFlight: 1,
      warmUp: bench.pick(WARM_UP),
    });
    const median = figuresOf(rounds, (samples) => samples.map(({ latency }) => latency.p50));
    const row = rowOf(this.title, 'µs, median', median, [atMostTimes(1.25, 'ioredis')]);
    return { rows: [{ ...row, bar: { chart: 'latency', label: 'Request and reply, median' } }] };
  },
};
