import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atLeastTimes } from '../harness/target.js';
import { measureRequesting } from './support/requesting.js';

const IN_FLIGHT = 100;
const COUNT = { full: 60_000, quick: 500 };
const WARM_UP = { full: 60_000, quick: 500 };

/** The requests per second with many requests in flight. */
export const requests: Measure = {
  name: 'requests',
  title: `Request-response, ${IN_FLIGHT} in flight`,

  async run(bench) {
    const candidates = ['ours', 'built-in', 'ioredis'] as const;
    const rounds = await measureRequesting(bench, candidates, {
      count: bench.pick(COUNT),
      inFlight: IN_FLIGHT,
      warmUp: bench.pick(WARM_UP),
    });
    const perSecond = figuresOf(rounds, (samples) =>
      samples.map(({ usage }) => 1_000_000 / usage.wall),
    );
    const cpu = figuresOf(rounds, (samples) => samples.map(({ usage }) => usage.cpu));
    return {
      rows: [
        {
          ...rowOf(this.title, 'round trips per second', perSecond, [atLeastTimes(3, 'built-in')]),
          bar: { chart: 'requests', label: `${IN_FLIGHT} in flight` },
        },
        rowOf('… CPU of the requester', 'µs of CPU per message', cpu),
      ],
      notes: [
        'Requests of bare ioredis are two bare hops: one PUBLISH for the request and one for the reply.',
      ],
    };
  },
};
