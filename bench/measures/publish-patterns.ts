import type { Bench } from '../harness/bench.js';
import type { Measure } from '../harness/measure.js';
import { pointsOf } from '../harness/series.js';
import { SMALL } from '../workload/payloads.js';

const PATTERNS = { full: [0, 50, 500, 5_000], quick: [0, 50] };
const COUNT = { full: 20_000, quick: 500 };
const WARM_UP = { full: 2_000, quick: 100 };
const ROUNDS = { full: 3, quick: 1 };
const FLOOD = { bytes: SMALL, channel: 'bench.user.published' };

/** What a message that no pattern matches costs Redis, as a function of the different patterns of its clients. */
export const publishPatterns: Measure = {
  name: 'publish-patterns',
  title: 'CPU of Redis for a PUBLISH, by different patterns of its clients',

  async run(bench) {
    const steps = bench.pick(PATTERNS);
    const measureSteps = async (): Promise<number[]> => {
      const costs: number[] = [];
      // Each needs a new server: one stays slower after it held many patterns.
      for (const patterns of steps) {
        costs.push(await bench.withOwnRedis((own) => measureCost(own, patterns)));
      }
      return costs;
    };
    const rounds = await bench.runInRounds(['ioredis'] as const, measureSteps, ROUNDS);
    const points = pointsOf(steps, rounds, (cost) => cost);
    return {
      rows: [],
      series: {
        title: this.title,
        unit: 'µs of CPU of Redis per message',
        xTitle: 'patterns',
        isLogarithmic: true,
        points,
      },
      notes: [
        'The patterns of `publish-patterns` are `bench.user.<number>.*`: one for each user. A bare client holds them.',
      ],
    };
  },
};

async function measureCost(bench: Bench, patterns: number): Promise<number> {
  const { redis, load } = bench;
  await redis.holdPatterns(Array.from({ length: patterns }, (_, index) => `bench.user.${index}.*`));
  await load.flood({ ...FLOOD, count: bench.pick(WARM_UP) });
  const count = bench.pick(COUNT);
  const sampleCost = async (): Promise<number> => {
    const before = await redis.cpu();
    await load.flood({ ...FLOOD, count });
    return ((await redis.cpu()) - before) / count;
  };
  return bench.sample(sampleCost, (cost) => cost);
}
