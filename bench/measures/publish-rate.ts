import type { Bench } from '../harness/bench.js';
import { rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import type { Figures, Series } from '../harness/result.js';
import { pointsOf } from '../harness/series.js';
import { summarizeRatios } from '../harness/statistics.js';
import { atLeast } from '../harness/target.js';
import { Turns } from '../harness/turns.js';
import { channelNames } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';

const HANDLERS = { full: [1, 10, 100, 1_000], quick: [1, 100] };
const COUNT = { full: 100_000, quick: 2_000 };
/** Each message takes Redis forty times as long with a thousand globs. */
const COUNT_WITH_GLOBS = { full: 20_000, quick: 2_000 };
const WARM_UP = { full: 20_000, quick: 1_000 };
const UNHEARD = { bytes: SMALL, channel: 'bench.nobody.listens' };
const PARTICIPANTS = ['ours', 'built-in', 'ioredis'] as const;
type Participant = (typeof PARTICIPANTS)[number];

/** How many messages a second of Redis' CPU time publishes while literal handlers are registered. */
export const publishRate: Measure = {
  name: 'publish-rate',
  title: 'PUBLISH rate of Redis, by literal handlers',

  async run(bench) {
    const handlers = bench.pick(HANDLERS);
    const points = await measureRates(bench, handlers);
    const most = (handlers.at(-1) ?? 0).toLocaleString('en');
    return {
      rows: [
        rowOf(
          `PUBLISH rate of Redis with ${most} literal handlers`,
          'of that with one',
          lastToFirst(points),
          [atLeast(0.9, '')],
        ),
      ],
      series: {
        title: this.title,
        unit: 'messages per second of CPU time of Redis',
        xTitle: 'handlers',
        points,
      },
      notes: [
        'The built-in registers literal handlers with `wildcards: true` here, which it needs for any glob.',
      ],
    };
  },
};

async function measureRates(bench: Bench, handlers: readonly number[]): Promise<Series['points']> {
  const rounds = await bench.interleave(PARTICIPANTS, async (participant) => {
    const turns = new Turns();
    // A server is slower for every pattern that it ever had at the same time.
    const rates = handlers.map((count) =>
      bench.apart((own) => measureRate(own, participant, count, turns)),
    );
    return Promise.all(rates);
  });
  return pointsOf(handlers, rounds, (rate) => rate);
}

function measureRate(
  bench: Bench,
  participant: Participant,
  handlers: number,
  turns: Turns,
): Promise<number> {
  const { redis, load } = bench;
  return bench.withSubject('receiver', async (receiver) => {
    const isGlob = participant === 'built-in';
    const patterns = channelNames(handlers);
    await turns.take(async () => {
      await receiver.listen({ participant, port: redis.port, patterns, isGlob });
      await load.flood({ ...UNHEARD, count: bench.pick(WARM_UP) });
    });
    const count = bench.pick(isGlob ? COUNT_WITH_GLOBS : COUNT);
    const sampleRate = async (): Promise<number> => {
      const before = await redis.cpu();
      await load.flood({ ...UNHEARD, count });
      return count / (((await redis.cpu()) - before) / 1_000_000);
    };
    return bench.sample(sampleRate, (rate) => rate, turns);
  });
}

function lastToFirst(points: Series['points']): Figures {
  const first = points[0]?.figures ?? {};
  const last = points.at(-1)?.figures ?? {};
  return Object.fromEntries(
    PARTICIPANTS.map((participant) => {
      const [rates, firstRates] = [last[participant]?.rounds, first[participant]?.rounds];
      return [participant, summarizeRatios(rates ?? [], firstRates ?? [])];
    }),
  );
}
