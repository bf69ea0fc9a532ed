import type { Bench } from '../harness/bench.js';
import type { Measure } from '../harness/measure.js';
import { pointsOf } from '../harness/series.js';
import { cpuOf, type Usage } from '../harness/usage.js';
import { SMALL } from '../workload/payloads.js';
import { growthRow } from './support/growth-row.js';

const BACKLOGS = { full: [0, 100, 1_000, 10_000], quick: [0, 100] };
const COUNT = { full: 40_000, quick: 500 };
const ROUNDS = { full: 3, quick: 1 };

/** The cost of a message as a function of the number of messages that wait for a bounded handler. */
export const scaleBacklog: Measure = {
  name: 'scale-backlog',
  title: 'CPU per message, by messages that wait',

  async run(bench) {
    const backlogs = bench.pick(BACKLOGS);
    const rounds = await bench.runInRounds(
      ['ours'] as const,
      () => measureBacklogs(bench, backlogs),
      ROUNDS,
    );
    const points = pointsOf(backlogs, rounds, ({ cpu }) => cpu);
    return {
      rows: [growthRow('Cost of a message as its queue grows', points)],
      series: {
        title: this.title,
        unit: 'µs of CPU per message',
        xTitle: 'messages that wait for a bounded handler',
        points,
      },
    };
  },
};

function measureBacklogs(bench: Bench, backlogs: readonly number[]): Promise<Usage[]> {
  return bench.withProcess('bounded-receiver', async (receiver) => {
    const count = bench.pick(COUNT);
    const hold = async (messages: number): Promise<void> => {
      await receiver.hold(messages);
      await bench.load.flood({ count: messages, bytes: SMALL });
      await receiver.held();
    };
    const receive = async (): Promise<Usage> => {
      await receiver.expect(count);
      await bench.load.flood({ count, bytes: SMALL });
      return receiver.completed();
    };
    await receiver.listen(bench.redis.port);
    // The handler keeps the first message, so that all later messages wait in its queue.
    await hold(1);
    await receive();
    const usages: Usage[] = [];
    let waiting = 0;
    for (const backlog of backlogs) {
      if (backlog > waiting) await hold(backlog - waiting);
      waiting = backlog;
      usages.push(await bench.sample(receive, cpuOf));
    }
    return usages;
  });
}
