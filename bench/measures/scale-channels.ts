import type { Bench } from '../harness/bench.js';
import type { Measure } from '../harness/measure.js';
import { pointsOf } from '../harness/series.js';
import { cpuOf, type Usage } from '../harness/usage.js';
import type { ObserverName } from '../candidates/observer.js';
import { SMALL } from '../workload/payloads.js';
import { growthRow } from './support/growth-row.js';

const CHANNELS = { full: [1, 10, 100, 1_000, 10_000, 100_000], quick: [1, 100] };
const COUNT = { full: 20_000, quick: 500 };
const ROUNDS = { full: 3, quick: 1 };

/** The cost of a message as a function of the number of observed channels. */
export const scaleChannels: Measure = {
  name: 'scale-channels',
  title: 'CPU per message, by observed channels',

  async run(bench) {
    const channels = bench.pick(CHANNELS);
    const rounds = await bench.runInRounds(
      ['ours', 'ioredis'] as const,
      (candidate) => measureChannels(bench, candidate, channels),
      ROUNDS,
    );
    const points = pointsOf(channels, rounds, ({ cpu }) => cpu);
    return {
      rows: [growthRow('Cost of a message as channels grow', points)],
      series: { title: this.title, unit: 'µs of CPU per message', xTitle: 'channels', points },
    };
  },
};

function measureChannels(
  bench: Bench,
  candidate: ObserverName,
  steps: readonly number[],
): Promise<Usage[]> {
  return bench.withProcess('observer', async (observer) => {
    await observer.connect(candidate, bench.redis.port);
    const count = bench.pick(COUNT);
    const receive = async (channels: number): Promise<Usage> => {
      await observer.expect(count);
      await bench.load.flood({ count, bytes: SMALL, channels });
      return observer.completed();
    };
    const usages: Usage[] = [];
    let observed = 0;
    for (const channels of steps) {
      await observer.observe(observed, channels);
      await bench.redis.channels(channels);
      await observer.drain();
      // Warm-up: V8 compiles the code with the first messages.
      if (observed === 0) await receive(channels);
      observed = channels;
      usages.push(await bench.sample(() => receive(channels), cpuOf));
    }
    return usages;
  });
}
