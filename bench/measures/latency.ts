import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf, type Rounds } from '../harness/figures.js';
import type { LatencySummary } from '../harness/latencies.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes } from '../harness/target.js';
import { EVERY_CHANNEL } from '../workload/channels.js';

const PER_SECOND = { full: 10_000, quick: 2_000 };
const SECONDS = { full: 3, quick: 0.5 };
const WARM_UP_SECONDS = { full: 1, quick: 0.2 };

/** How old messages are when they reach their handler, at a steady rate. */
export const latency: Measure = {
  name: 'latency',
  title: `Latency at ${PER_SECOND.full.toLocaleString('en')} messages per second`,

  async run(bench) {
    const rounds = await measureLatency(bench);
    const expectations = [atMostTimes(1.2, 'ioredis')];
    const p50 = figuresOf(rounds, (summary) => summary.p50);
    const p99 = figuresOf(rounds, (summary) => summary.p99);
    return {
      rows: [
        rowOf(`${this.title}, p50`, 'µs', p50, expectations),
        rowOf(`${this.title}, p99`, 'µs', p99, expectations),
      ],
    };
  },
};

function measureLatency(bench: Bench): Promise<Rounds<LatencySummary>> {
  const perSecond = bench.pick(PER_SECOND);
  return bench.interleave(['ours', 'built-in', 'ioredis', 'node-redis'], (participant) =>
    bench.withSubject('latency-receiver', async (receiver) => {
      await receiver.listen(participant, bench.redis.port, EVERY_CHANNEL);
      const stream = async (seconds: number): Promise<LatencySummary> => {
        const count = perSecond * seconds;
        await receiver.expect(count);
        await bench.load.stream({ count, perSecond });
        return receiver.finished();
      };
      await stream(bench.pick(WARM_UP_SECONDS));
      return stream(bench.pick(SECONDS));
    }),
  );
}
