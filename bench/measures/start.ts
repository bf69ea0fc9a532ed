import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';

const MILLISECOND = 1_000;

/** How long an application takes from the start of its process until it listens. */
export const start: Measure = {
  name: 'start',
  title: 'From the start of the process until it listens',

  async run(bench) {
    const rounds = await bench.interleave(['ours', 'built-in', 'ioredis'] as const, (participant) =>
      bench.withSubject('starter', (starter) => starter.started(), {
        args: [participant, String(bench.redis.port)],
      }),
    );
    const wall = figuresOf(rounds, (usage) => usage.wall / MILLISECOND);
    const cpu = figuresOf(rounds, (usage) => usage.cpu / MILLISECOND);
    return { rows: [rowOf(this.title, 'ms', wall), rowOf('… CPU of it', 'ms of CPU', cpu)] };
  },
};
