import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { RedisCluster } from '../harness/redis-cluster.js';

const CHANNELS = { full: 999, quick: 30 };
const COUNT = { full: 20_000, quick: 300 };
const KINDS = ['classic', 'sharded'] as const;

/** What a message costs all nodes of a Cluster together. */
export const cluster: Measure = {
  name: 'cluster',
  title: 'A message in a Cluster of three masters',

  async run(bench) {
    const rounds = await bench.runInRounds(KINDS, (kind) => measureKind(bench, kind));
    const rows = KINDS.map((kind) => {
      const figures = figuresOf(new Map([['ours', rounds.get(kind) ?? []]]), (cpu) => cpu);
      const row = rowOf(`${this.title}, ${kind}`, 'µs of CPU of all nodes', figures);
      return { ...row, bar: { chart: 'cluster', label: kind } as const };
    });
    return {
      rows,
      notes: [
        'The channels of `cluster` are spread over all slots. Three instances publish to each other; each message has one receiver.',
      ],
    };
  },
};

async function measureKind(bench: Bench, kind: (typeof KINDS)[number]): Promise<number> {
  const redis = await RedisCluster.start();
  try {
    return await bench.withProcess('cluster-traffic', async (traffic) => {
      await traffic.connect(redis.ports, kind === 'sharded', bench.pick(CHANNELS));
      const count = bench.pick(COUNT);
      const sampleCost = async (): Promise<number> => {
        const before = await redis.cpu();
        await traffic.exchange(count);
        return ((await redis.cpu()) - before) / count;
      };
      // Warm-up: V8 compiles the code, which decides how many messages a read of Redis has.
      await sampleCost();
      return bench.sample(sampleCost, (cost) => cost);
    });
  } finally {
    await redis.stop();
  }
}
