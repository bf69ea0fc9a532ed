import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { exactly } from '../harness/target.js';

const CLIENTS = 20;
const ROUNDS = { full: 3, quick: 1 };

/** The number of reply messages that several clients with one request each receive. */
export const replyFanOut: Measure = {
  name: 'reply-fan-out',
  title: `Replies to ${CLIENTS} clients with one request each`,

  async run(bench) {
    const rounds = await bench.runInRounds(
      ['ours', 'built-in'] as const,
      (candidate) =>
        bench.withProcess('reply-counter', (counter) =>
          counter.countReplies(candidate, bench.redis.port, CLIENTS),
        ),
      ROUNDS,
    );
    const delivered = figuresOf(rounds, (count) => count);
    return { rows: [rowOf(this.title, 'messages delivered', delivered, [exactly(CLIENTS)])] };
  },
};
