import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes, exactly } from '../harness/target.js';
import { channelName } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';

const OBSERVERS = { full: 10_000, quick: 500 };
const MESSAGES = { full: 300, quick: 20 };

/** The cost of one message that very many observers in one process receive. */
export const observerFanOut: Measure = {
  name: 'observer-fan-out',
  title: `One message to ${OBSERVERS.full.toLocaleString('en')} observers of a channel`,

  async run(bench) {
    const observers = bench.pick(OBSERVERS);
    const messages = bench.pick(MESSAGES);
    const rounds = await bench.runInRounds(['ours', 'ioredis'] as const, (candidate) =>
      bench.withProcess('fan-out', async (observer) => {
        await observer.observe(candidate, bench.redis.port, observers);
        await bench.redis.subscribers(channelName(0));
        for (const count of [Math.ceil(messages / 10), messages]) {
          await observer.expect(count * observers);
          await bench.load.flood({ count, bytes: SMALL });
          if (count < messages) await observer.completed();
        }
        return observer.completed();
      }),
    );
    const cpu = figuresOf(rounds, ({ usage }) => usage.cpu * observers);
    const { ours } = figuresOf(rounds, ({ decoded }) => decoded / messages);
    return {
      rows: [
        rowOf(this.title, 'µs of CPU per message', cpu, [atMostTimes(6, 'ioredis')]),
        rowOf('… decoded', 'times', ours ? { ours } : {}, [exactly(1)]),
      ],
      notes: [
        `Bare ioredis calls \`next\` of ${observers.toLocaleString('en')} RxJS subscribers in a loop, each of which can unsubscribe. Ours keeps the \`AsyncLocalStorage\` context of each.`,
      ],
    };
  },
};
