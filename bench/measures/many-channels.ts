import { SAMPLES, type Bench } from '../harness/bench.js';
import type { Remote } from '../harness/child.js';
import { figuresOf, rowOf, type Rounds } from '../harness/figures.js';
import type { LatencySummary } from '../harness/latencies.js';
import type { Measure } from '../harness/measure.js';
import type { Memory } from '../harness/memory.js';
import type { Row } from '../harness/result.js';
import { atMost, atMostTimes, exactly } from '../harness/target.js';
import type { ObserverCommands } from '../processes/observer.js';
import { channelName } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';
import { limitNotes } from './support/floor-notes.js';

const CHANNELS = { full: 500_000, quick: 5_000 };
const PER_SECOND = { full: 50_000, quick: 5_000 };
const SECONDS = { full: 1, quick: 0.5 };
const WARM_UP = { full: 20_000, quick: 500 };
const ROUNDS = { full: 3, quick: 1 };
const KILLS = { full: 2, quick: 1 };
/** The target of the 99th percentile of the latencies, in milliseconds. */
const MAX_LATENCY_P99_MS = 20;

interface ManyChannels {
  /** Per channel. */
  readonly memory: MemoryPerChannel;
  readonly latencies: readonly LatencySummary[];
  readonly resubscriptions: readonly Resubscription[];
}

interface MemoryPerChannel extends Memory {
  readonly redis: number;
}

interface Resubscription {
  /** From the kill to the last subscription, in milliseconds. */
  readonly time: number;
  readonly longestStall: number;
  /** CPU time of Redis for each channel, in microseconds. */
  readonly redisCpu: number;
}

/** The memory, latency and resubscription time of a process that observes very many channels. */
export const manyChannels: Measure = {
  name: 'many-channels',
  title: `${CHANNELS.full.toLocaleString('en')} channels observed in one process`,

  async run(bench) {
    const rounds = await bench.runInRounds(
      ['ours', 'ioredis'] as const,
      (candidate) =>
        bench.withProcess(
          'observer',
          async (observer) => {
            await observer.connect(candidate, bench.redis.port);
            return observeMany(bench, observer);
          },
          { nodeOptions: ['--expose-gc'] },
        ),
      ROUNDS,
    );
    const rows = rowsOf(bench, rounds);
    const late = rows.find(({ name }) => name.endsWith('latency p99'));
    return { rows, notes: late ? limitNotes(late, MAX_LATENCY_P99_MS) : [] };
  },
};

async function observeMany(
  bench: Bench,
  observer: Remote<ObserverCommands>,
): Promise<ManyChannels> {
  const memory = await measureMemory(bench, observer);
  await warmUp(bench, observer);
  const latencies = await bench.repeat(SAMPLES, () => measureLatency(bench, observer));
  const resubscriptions = await bench.repeat(KILLS, () => measureResubscription(bench, observer));
  return { memory, latencies, resubscriptions };
}

async function measureMemory(
  bench: Bench,
  observer: Remote<ObserverCommands>,
): Promise<MemoryPerChannel> {
  const channels = bench.pick(CHANNELS);
  // The first channels load and compile the code, which must not count as memory of channels.
  const first = channels / 100;
  await observer.observe(0, first);
  await bench.redis.channels(first);
  await observer.drain();
  const before = await memories(bench, observer);
  await observer.observe(first, channels);
  await bench.redis.channels(channels);
  await observer.drain();
  const after = await memories(bench, observer);
  const perChannel = (kind: keyof MemoryPerChannel): number =>
    (after[kind] - before[kind]) / (channels - first);
  return { heap: perChannel('heap'), rss: perChannel('rss'), redis: perChannel('redis') };
}

async function memories(
  bench: Bench,
  observer: Remote<ObserverCommands>,
): Promise<MemoryPerChannel> {
  return { ...(await observer.memory()), redis: await bench.redis.memory() };
}

async function warmUp(bench: Bench, observer: Remote<ObserverCommands>): Promise<void> {
  const channels = bench.pick(CHANNELS);
  await observer.expect(bench.pick(WARM_UP));
  await bench.load.flood({ count: bench.pick(WARM_UP), bytes: SMALL, channels });
  await observer.completed();
}

async function measureLatency(
  bench: Bench,
  observer: Remote<ObserverCommands>,
): Promise<LatencySummary> {
  const channels = bench.pick(CHANNELS);
  const perSecond = bench.pick(PER_SECOND);
  const count = perSecond * bench.pick(SECONDS);
  await observer.expect(count);
  await bench.load.stream({ count, perSecond, channels });
  await observer.drain();
  return observer.latency();
}

async function measureResubscription(
  bench: Bench,
  observer: Remote<ObserverCommands>,
): Promise<Resubscription> {
  const channels = bench.pick(CHANNELS);
  await observer.watchLoop();
  const start = performance.now();
  const cpu = await bench.redis.cpu();
  await bench.redis.killSubscribers();
  await bench.redis.channels(channels);
  const time = performance.now() - start;
  const redisCpu = ((await bench.redis.cpu()) - cpu) / channels;
  await observer.drain();
  const longestStall = await observer.longestStall();
  await assertDelivers(bench, observer, channelName(channels - 1));
  return { time, longestStall, redisCpu };
}

/** Checks that a channel that Redis counts as subscribed receives messages. */
async function assertDelivers(
  bench: Bench,
  observer: Remote<ObserverCommands>,
  channel: string,
): Promise<void> {
  await observer.expect(1);
  await bench.load.flood({ count: 1, bytes: SMALL, channel });
  await observer.completed();
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
        [atMost(450, 'B')],
      ),
      bar: { chart: 'memory-per-channel', label: 'Heap' },
    },
    {
      ...rowOf(
        `${channels}, resident memory for each`,
        'B',
        pick(({ memory }) => memory.rss),
        [atMost(550, 'B')],
      ),
      bar: { chart: 'memory-per-channel', label: 'Resident memory' },
    },
    rowOf(
      `${channels}, memory of Redis for each`,
      'B',
      pick(({ memory }) => memory.redis),
    ),
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
      [atMost(MAX_LATENCY_P99_MS, 'ms')],
    ),
    rowOf(
      `${channels}, all subscribed again after CLIENT KILL`,
      'ms',
      pick(({ resubscriptions }) => resubscriptions.map((it) => it.time)),
      [atMostTimes(1.5, 'ioredis')],
    ),
    rowOf(
      `${channels}, CPU of Redis for each during that time`,
      'µs',
      pick(({ resubscriptions }) => resubscriptions.map((it) => it.redisCpu)),
    ),
    rowOf(
      `${channels}, longest stall of the event loop during that time`,
      'ms',
      pick(({ resubscriptions }) => resubscriptions.map((it) => it.longestStall)),
      [atMost(50, 'ms')],
    ),
  ];
}
