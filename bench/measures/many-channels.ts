import { SAMPLES, type Bench } from '../harness/bench.js';
import type { Remote } from '../harness/child.js';
import { figuresOf, rowOf, type Rounds } from '../harness/figures.js';
import type { LatencySummary } from '../harness/latencies.js';
import type { Measure } from '../harness/measure.js';
import type { Row } from '../harness/result.js';
import { atMost, atMostAbove, atMostTimes, exactly } from '../harness/target.js';
import type { Memory, ObservingCommands } from '../subjects/observing.js';
import { channelName } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';
import { limitNotes } from './support/floor-notes.js';

const CHANNELS = { full: 500_000, quick: 5_000 };
const PER_SECOND = { full: 50_000, quick: 5_000 };
const SECONDS = { full: 1, quick: 0.5 };
const WARM_UP = { full: 20_000, quick: 500 };
const ROUNDS = { full: 3, quick: 1 };
const KILLS = { full: 2, quick: 1 };
/** What the 99th percentile of the latencies must not be above, in milliseconds. */
const LATE = 20;

interface ManyChannels {
  /** Of one channel. */
  readonly memory: Memory;
  readonly latencies: readonly LatencySummary[];
  readonly resubscriptions: readonly Resubscription[];
}

interface Resubscription {
  /** From the kill to the last subscription, in milliseconds. */
  readonly time: number;
  readonly longestStall: number;
}

/** What very many channels cost a process that observes them, and what they do to its messages. */
export const manyChannels: Measure = {
  name: 'many-channels',
  title: `${CHANNELS.full.toLocaleString('en')} channels observed in one process`,

  async run(bench) {
    const rounds = await bench.interleave(
      ['ours', 'ioredis'] as const,
      (participant) =>
        bench.withSubject(
          'observing',
          async (subject) => {
            await subject.connect(participant, bench.redis.port);
            return observeMany(bench, subject);
          },
          { nodeOptions: ['--expose-gc'] },
        ),
      ROUNDS,
    );
    const rows = rowsOf(bench, rounds);
    const late = rows.find(({ name }) => name.endsWith('latency p99'));
    return { rows, notes: late ? limitNotes(late, LATE) : [] };
  },
};

async function observeMany(
  bench: Bench,
  subject: Remote<ObservingCommands>,
): Promise<ManyChannels> {
  const memory = await measureMemory(bench, subject);
  await warmUp(bench, subject);
  const latencies = await bench.repeat(SAMPLES, () => measureLatency(bench, subject));
  const resubscriptions = await bench.repeat(KILLS, () => measureResubscription(bench, subject));
  return { memory, latencies, resubscriptions };
}

async function measureMemory(bench: Bench, subject: Remote<ObservingCommands>): Promise<Memory> {
  const channels = bench.pick(CHANNELS);
  // The code that subscribes has to be there before, compiled and all.
  const first = channels / 100;
  await subject.observe(0, first);
  await bench.redis.channels(first);
  await subject.settle();
  const before = await subject.memory();
  await subject.observe(first, channels);
  await bench.redis.channels(channels);
  await subject.settle();
  const after = await subject.memory();
  const perChannel = (kind: keyof Memory): number =>
    (after[kind] - before[kind]) / (channels - first);
  return { heap: perChannel('heap'), rss: perChannel('rss') };
}

async function warmUp(bench: Bench, subject: Remote<ObservingCommands>): Promise<void> {
  const channels = bench.pick(CHANNELS);
  await subject.expect(bench.pick(WARM_UP));
  await bench.load.flood({ count: bench.pick(WARM_UP), bytes: SMALL, channels });
  await subject.finished();
}

async function measureLatency(
  bench: Bench,
  subject: Remote<ObservingCommands>,
): Promise<LatencySummary> {
  const channels = bench.pick(CHANNELS);
  const perSecond = bench.pick(PER_SECOND);
  const count = perSecond * bench.pick(SECONDS);
  await subject.expect(count);
  await bench.load.stream({ count, perSecond, channels });
  await subject.settle();
  return subject.latency();
}

async function measureResubscription(
  bench: Bench,
  subject: Remote<ObservingCommands>,
): Promise<Resubscription> {
  const channels = bench.pick(CHANNELS);
  await subject.watchLoop();
  const start = performance.now();
  await bench.redis.killSubscribers();
  await bench.redis.channels(channels);
  const time = performance.now() - start;
  await subject.settle();
  const longestStall = await subject.longestStall();
  await assertDelivers(bench, subject, channelName(channels - 1));
  return { time, longestStall };
}

/** What Redis counts as subscribed must arrive as before. */
async function assertDelivers(
  bench: Bench,
  subject: Remote<ObservingCommands>,
  channel: string,
): Promise<void> {
  await subject.expect(1);
  await bench.load.flood({ count: 1, bytes: SMALL, channel });
  await subject.finished();
}

function rowsOf(bench: Bench, rounds: Rounds<ManyChannels>): Row[] {
  const channels = `${bench.pick(CHANNELS).toLocaleString('en')} channels`;
  const count = bench.pick(PER_SECOND) * bench.pick(SECONDS);
  const perSecond = `${bench.pick(PER_SECOND).toLocaleString('en')} messages per second`;
  const pick = (read: (result: ManyChannels) => number | readonly number[]) =>
    figuresOf(rounds, read);
  return [
    {
      ...rowOf(
        `${channels}, heap for each`,
        'B',
        pick(({ memory }) => memory.heap),
        [atMostAbove(600, 'ioredis', 'B')],
      ),
      bar: { chart: 'memory-per-channel', label: 'Heap' },
    },
    {
      ...rowOf(
        `${channels}, resident memory for each`,
        'B',
        pick(({ memory }) => memory.rss),
        [atMostAbove(600, 'ioredis', 'B')],
      ),
      bar: { chart: 'memory-per-channel', label: 'Resident memory' },
    },
    rowOf(
      `${channels}, ${perSecond}, delivered`,
      '%',
      pick(({ latencies }) => latencies.map((it) => (it.count / count) * 100)),
      [exactly(100)],
    ),
    rowOf(
      `${channels}, ${perSecond}, latency p99`,
      'ms',
      pick(({ latencies }) => latencies.map((it) => it.p99 / 1_000)),
      [atMost(LATE, 'ms')],
    ),
    rowOf(
      `${channels}, all subscribed again after CLIENT KILL`,
      'ms',
      pick(({ resubscriptions }) => resubscriptions.map((it) => it.time)),
      [atMostTimes(1.5, 'ioredis')],
    ),
    rowOf(
      `${channels}, longest stall of the event loop meanwhile`,
      'ms',
      pick(({ resubscriptions }) => resubscriptions.map((it) => it.longestStall)),
      [atMost(50, 'ms')],
    ),
  ];
}
