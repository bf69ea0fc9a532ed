import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes } from '../harness/target.js';

const MICROSECONDS_PER_MILLISECOND = 1_000;
/** Starts differ by a fifth from one to the next, and the targets are closer than that. */
const ROUNDS = { full: 15, quick: 1 };
const EXPECTATIONS = [atMostTimes(1, 'built-in')];

/** The time from the start of the process until the application listens. */
export const start: Measure = {
  name: 'start',
  title: 'From the start of the process until it listens',

  async run(bench) {
    const rounds = await bench.runInRounds(
      ['ours', 'built-in', 'ioredis'] as const,
      (candidate) =>
        bench.withProcess('starter', (starter) => starter.started(), {
          args: [candidate, String(bench.redis.port)],
        }),
      ROUNDS,
    );
    const wall = figuresOf(rounds, (usage) => usage.wall / MICROSECONDS_PER_MILLISECOND);
    const cpu = figuresOf(rounds, (usage) => usage.cpu / MICROSECONDS_PER_MILLISECOND);
    return {
      rows: [
        rowOf(this.title, 'ms', wall, EXPECTATIONS),
        rowOf('… CPU of the start', 'ms of CPU', cpu, EXPECTATIONS),
      ],
    };
  },
};
