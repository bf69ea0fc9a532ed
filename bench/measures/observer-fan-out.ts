import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMostTimes, exactly } from '../harness/target.js';
import { channelName } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';

const OBSERVERS = { full: 10_000, quick: 500 };
const MESSAGES = { full: 300, quick: 20 };

/** What one message takes that very many in one process observe. */
export const observerFanOut: Measure = {
  name: 'observer-fan-out',
  title: `One message to ${OBSERVERS.full.toLocaleString('en')} observers of a channel`,

  async run(bench) {
    const observers = bench.pick(OBSERVERS);
    const messages = bench.pick(MESSAGES);
    const rounds = await bench.interleave(['ours', 'ioredis'] as const, (participant) =>
      bench.withSubject('fan-out', async (subject) => {
        await subject.observe(participant, bench.redis.port, observers);
        await bench.redis.subscribers(channelName(0));
        for (const count of [Math.ceil(messages / 10), messages]) {
          await subject.expect(count * observers);
          await bench.load.flood({ count, bytes: SMALL });
          if (count < messages) await subject.finished();
        }
        return subject.finished();
      }),
    );
    const cpu = figuresOf(rounds, ({ usage }) => usage.cpu * observers);
    const { ours } = figuresOf(rounds, ({ decoded }) => decoded / messages);
    return {
      rows: [
        rowOf(this.title, 'µs of CPU per message', cpu, [atMostTimes(2, 'ioredis')]),
        rowOf('… decoded', 'times', ours ? { ours } : {}, [exactly(1)]),
      ],
      notes: [
        `Bare ioredis calls \`next\` of ${observers.toLocaleString('en')} RxJS subscribers in a loop, each of which can unsubscribe.`,
      ],
    };
  },
};
