import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf, type Rounds } from '../harness/figures.js';
import type { LatencySummary } from '../harness/latencies.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes } from '../harness/target.js';
import { channelGlob, channelName } from '../workload/channels.js';

const CANDIDATES = ['ours', 'built-in', 'ioredis', 'node-redis'] as const;
const PER_SECOND = { full: 10_000, quick: 2_000 };
const SECONDS = { full: 0.1, quick: 0.2 };
/** Many short samples in a round: in a long sample one stall of a few milliseconds would be the p99. */
const SAMPLES = { full: 30, quick: 1 };
const WARM_UPS = { full: 10, quick: 2 };

/** The latency from PUBLISH to the handler at a steady rate. */
export const latency: Measure = {
  name: 'latency',
  title: `Latency at ${PER_SECOND.full.toLocaleString('en')} messages per second`,

  async run(bench) {
    const rounds = await measureLatency(bench);
    const expectations = [atMostTimes(1.2, 'ioredis')];
    const p50 = figuresOf(rounds, (samples) => samples.map((it) => it.p50));
    const p99 = figuresOf(rounds, (samples) => samples.map((it) => it.p99));
    return {
      rows: [
        {
          ...rowOf(`${this.title}, p50`, 'µs', p50, expectations),
          bar: { chart: 'latency', label: 'PUBLISH to handler, p50' },
        },
        {
          ...rowOf(`${this.title}, p99`, 'µs', p99, expectations),
          bar: { chart: 'latency', label: 'PUBLISH to handler, p99' },
        },
      ],
    };
  },
};

function measureLatency(bench: Bench): Promise<Rounds<LatencySummary[]>> {
  const perSecond = bench.pick(PER_SECOND);
  const count = perSecond * bench.pick(SECONDS);
  return bench.runSideBySide(CANDIDATES, (candidate, mutex) =>
    bench.withProcess('latency-receiver', async (receiver) => {
      const index = CANDIDATES.indexOf(candidate);
      const channel = channelName(index);
      await mutex.runExclusive(() =>
        receiver.listen(candidate, bench.redis.port, channelGlob(index)),
      );
      const stream = async (): Promise<LatencySummary> => {
        await receiver.expect(count);
        await bench.load.stream({ count, perSecond, channel });
        return receiver.completed();
      };
      // Warm-up: V8 compiles the code with the first messages.
      await mutex.repeat(bench.pick(WARM_UPS), stream);
      return mutex.repeat(bench.pick(SAMPLES), stream);
    }),
  );
}
