import type { Bench } from '../harness/bench.js';
import { rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import type { Figures, Series } from '../harness/result.js';
import { pointsOf } from '../harness/series.js';
import { summarizeRatios } from '../harness/statistics.js';
import { atLeast } from '../harness/target.js';
import { Mutex } from '../harness/mutex.js';
import { channelNames } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';

const HANDLERS = { full: [1, 10, 100, 1_000], quick: [1, 100] };
const COUNT = { full: 100_000, quick: 2_000 };
/** Fewer messages, because Redis takes forty times as long per message with a thousand globs. */
const COUNT_WITH_GLOBS = { full: 20_000, quick: 2_000 };
const WARM_UP = { full: 20_000, quick: 1_000 };
const UNSUBSCRIBED_CHANNEL_FLOOD = { bytes: SMALL, channel: 'bench.without.subscribers' };
const CANDIDATES = ['ours', 'built-in', 'ioredis'] as const;
type Candidate = (typeof CANDIDATES)[number];

/** Messages that Redis publishes per second of its CPU time while literal handlers are registered. */
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
  const rounds = await bench.runInRounds(CANDIDATES, async (candidate) => {
    const mutex = new Mutex();
    // Each case needs a new server: a server stays slower after it held many patterns.
    const rates = handlers.map((count) =>
      bench.withOwnRedis((own) => measureRate(own, candidate, count, mutex)),
    );
    return Promise.all(rates);
  });
  return pointsOf(handlers, rounds, (rate) => rate);
}

function measureRate(
  bench: Bench,
  candidate: Candidate,
  handlers: number,
  mutex: Mutex,
): Promise<number> {
  const { redis, load } = bench;
  return bench.withProcess('receiver', async (receiver) => {
    const isGlob = candidate === 'built-in';
    const patterns = channelNames(handlers);
    await mutex.runExclusive(async () => {
      await receiver.listen({ candidate, port: redis.port, patterns, isGlob });
      await load.flood({ ...UNSUBSCRIBED_CHANNEL_FLOOD, count: bench.pick(WARM_UP) });
    });
    const count = bench.pick(isGlob ? COUNT_WITH_GLOBS : COUNT);
    const sampleRate = async (): Promise<number> => {
      const before = await redis.cpu();
      await load.flood({ ...UNSUBSCRIBED_CHANNEL_FLOOD, count });
      return count / (((await redis.cpu()) - before) / 1_000_000);
    };
    return bench.sample(sampleRate, (rate) => rate, mutex);
  });
}

function lastToFirst(points: Series['points']): Figures {
  const first = points[0]?.figures ?? {};
  const last = points.at(-1)?.figures ?? {};
  return Object.fromEntries(
    CANDIDATES.map((candidate) => {
      const [rates, firstRates] = [last[candidate]?.rounds, first[candidate]?.rounds];
      return [candidate, summarizeRatios(rates ?? [], firstRates ?? [])];
    }),
  );
}
