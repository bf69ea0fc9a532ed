import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import type { Row } from '../harness/result.js';
import { summarizeRatios } from '../harness/statistics.js';
import { atMost } from '../harness/target.js';
import type { Usage } from '../harness/usage.js';
import type { HandlerLimits } from '../processes/receiver.js';
import { channelGlob, channelName } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';
import { receiveOnce } from './support/receiving.js';

const COUNT = { full: 20_000, quick: 500 };
const MAX_RATIO = 1.1;
/** More than a sample has, so that none is dropped. */
const maxQueue = 100_000;

/** The handlers: without limits, and with each of them. */
const LIMITS = {
  unbounded: undefined,
  'concurrency: 10': { concurrency: 10, maxQueue },
  "order: 'channel'": { order: 'channel', maxQueue },
} as const satisfies Record<string, HandlerLimits | undefined>;

type Handler = keyof typeof LIMITS;

const HANDLERS = Object.keys(LIMITS) as Handler[];

/** The cost of a message for a bounded handler, beside one without limits. */
export const receiveBounded: Measure = {
  name: 'receive-bounded',
  title: 'Receive, bounded handler',

  async run(bench) {
    const rounds = await bench.runSideBySide(HANDLERS, (handler, mutex) => {
      const index = HANDLERS.indexOf(handler);
      const channel = channelName(index);
      const limits = LIMITS[handler];
      return receiveOnce(
        bench,
        {
          candidate: 'ours',
          patterns: [channelGlob(index)],
          isGlob: true,
          ...(limits && { limits }),
        },
        [{ bytes: SMALL, count: bench.pick(COUNT), channel }],
        mutex,
      );
    });
    return { rows: HANDLERS.flatMap((handler) => rowsOf(this.title, handler, rounds)) };
  },
};

type Rounds = Awaited<ReturnType<typeof Bench.prototype.runSideBySide<Handler, Usage[]>>>;

function rowsOf(title: string, handler: Handler, rounds: Rounds): Row[] {
  const figures = figuresOf(rounds, (usages) => usages.map(({ cpu }) => cpu));
  const [ours, unbounded] = [figures[handler], figures.unbounded];
  if (!ours || !unbounded) throw new Error(`Expected figures of "${handler}", got none`);
  const cost = rowOf(`${title}, ${handler}`, 'µs of CPU per message', { ours });
  if (handler === 'unbounded') return [cost];
  const ratio = { ours: summarizeRatios(ours.rounds, unbounded.rounds) };
  return [cost, rowOf('… beside unbounded', '×', ratio, [atMost(MAX_RATIO, '×')])];
}
