import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { exactly } from '../harness/target.js';
import { channelName } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';

const BURST = { full: { count: 5_000, ms: 4 }, quick: { count: 500, ms: 4 } };
/** A quick burst is shorter than the default of three seconds. */
const HEARTBEAT_MS = { full: 3_000, quick: 100 };
const ROUNDS = { full: 1, quick: 1 };

/** Messages that are lost when handlers keep the process busy for longer than the heartbeat allows for an answer. */
export const burst: Measure = {
  name: 'burst',
  title: 'Messages of a burst that are lost',

  async run(bench) {
    const { count, ms } = bench.pick(BURST);
    const rounds = await bench.runInRounds(['ours'] as const, () => measureLoss(bench), ROUNDS);
    return {
      rows: [
        rowOf(
          `${count.toLocaleString('en')} messages at once, whose handlers block for ${ms} ms, lost`,
          '',
          figuresOf(rounds, (lost) => lost),
          [exactly(0)],
        ),
      ],
    };
  },
};

function measureLoss(bench: Bench): Promise<number> {
  const { count, ms } = bench.pick(BURST);
  return bench.withProcess('busy-receiver', async (receiver) => {
    await receiver.listen(bench.redis.port, ms, bench.pick(HEARTBEAT_MS));
    await bench.load.flood({ count, bytes: SMALL, channel: channelName(0) });
    return count - (await receiver.handled());
  });
}
