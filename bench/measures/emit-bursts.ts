import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf, usageRow, type Rounds } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes } from '../harness/target.js';
import type { Usage } from '../harness/usage.js';
import { SMALL } from '../workload/payloads.js';

const SIZE = 2_000;
const BURSTS = { full: 50, quick: 2 };
const WARM_UP = { full: 5, quick: 1 };

interface BurstUsage {
  readonly emitter: Usage;
  /** CPU time of Redis per event, in microseconds. */
  readonly redis: number;
}

/** The cost of an event when many are emitted in one tick. */
export const emitBursts: Measure = {
  name: 'emit-bursts',
  title: `Emit, ${SIZE.toLocaleString('en')} in one tick`,

  async run(bench) {
    const rounds = await measureBursts(bench);
    const redis = figuresOf(rounds, (result) => result.redis);
    const row = usageRow(this.title, rounds, ({ emitter }) => emitter, [
      atMostTimes(0.2, 'built-in'),
    ]);
    return {
      rows: [
        { ...row, bar: { chart: 'cpu-60-b', label: this.title } },
        rowOf('… CPU of Redis', 'µs of CPU per message', redis),
      ],
      notes: ['Our client emits in bursts with `batchPublishes: true`.'],
    };
  },
};

function measureBursts(bench: Bench): Promise<Rounds<BurstUsage>> {
  return bench.runInRounds(['ours', 'built-in', 'ioredis', 'node-redis'], (candidate) =>
    bench.withProcess('emitter', async (emitter) => {
      await emitter.connect(candidate, bench.redis.port, { batches: true });
      await emitter.emitBursts({ bytes: SMALL, bursts: bench.pick(WARM_UP), size: SIZE });
      const bursts = bench.pick(BURSTS);
      const redisBefore = await bench.redis.cpu();
      const usage = await emitter.emitBursts({ bytes: SMALL, bursts, size: SIZE });
      const redis = ((await bench.redis.cpu()) - redisBefore) / (bursts * SIZE);
      return { emitter: usage, redis };
    }),
  );
}
