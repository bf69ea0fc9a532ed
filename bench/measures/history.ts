import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import type { Row } from '../harness/result.js';
import { summarizeRatios, type Summary } from '../harness/statistics.js';
import { PAYLOADS } from '../workload/payloads.js';
import { deliverMessages, keepMessages, LIST_SIZE, loseMessages } from './support/kept-lists.js';

const [SMALL, LARGE] = PAYLOADS;
const SIZES = [SMALL, LARGE];
const PACES = [
  { pace: '500 in flight', inFlight: 500, count: { full: 10_000, quick: 300 } },
  { pace: 'one at a time', inFlight: 1, count: { full: 2_000, quick: 100 } },
] as const;
const LISTS = { full: 1_000, quick: 50 };
const CHANNELS = { full: 10_000, quick: 500 };
const MISSED = 2;
const ROUNDS = { full: 5, quick: 1 };
const OUTAGE_ROUNDS = { full: 3, quick: 1 };
const OUTAGES = { full: 5, quick: 1 };

/** Microseconds of CPU. */
interface Cost {
  readonly client: number;
  readonly redis: number;
}

/** The costs of one round, each with its name. */
type Costs = Readonly<Record<string, Cost>>;

/** What a history costs: its publisher, the memory of Redis, and the recovery of many channels after an outage. */
export const history: Measure = {
  name: 'history',
  title: 'Channels with history',

  async run(bench) {
    const published = await bench.runSideBySide(
      ['plain', 'kept'] as const,
      (name, mutex) =>
        bench.withProcess('emitter', async (emitter) => {
          const options = { batches: false, ...(name === 'kept' && { keeps: LIST_SIZE }) };
          const { port } = bench.redis;
          await mutex.runExclusive(() => emitter.connect('ours', port, options));
          const costs: Record<string, Cost> = {};
          for (const { name: size, bytes } of SIZES) {
            for (const { pace, inFlight, count: counts } of PACES) {
              const count = bench.pick(counts);
              const emit = async (): Promise<Cost> => {
                const before = await bench.redis.cpu();
                const { cpu: client } = await emitter.emit({ bytes, count, inFlight });
                return { client, redis: ((await bench.redis.cpu()) - before) / count };
              };
              await mutex.runExclusive(emit);
              costs[`${size}, ${pace}`] = await bench.sample(emit, totalOf, mutex);
            }
          }
          return costs;
        }),
      ROUNDS,
    );
    const outages = await bench.runInRounds(
      ['subscribed', 'recovered'] as const,
      (name) => bench.withOwnRedis((own) => measureOutages(own, name === 'recovered')),
      OUTAGE_ROUNDS,
    );
    return {
      rows: [
        ...publishRows(published),
        ...(await memoryRows(bench)),
        ...outageRows(bench, outages),
      ],
      notes: [
        `The lists of \`history\` have ${LIST_SIZE} messages. Its ratios are to the same messages, or the same observers, without history.`,
        `In an outage of \`history\`, each channel misses ${MISSED} messages.`,
      ],
    };
  },
};

function totalOf({ client, redis }: Cost): number {
  return client + redis;
}

function publishRows(rounds: ReadonlyMap<'plain' | 'kept', readonly Costs[]>): Row[] {
  const names = Object.keys(rounds.get('kept')?.[0] ?? {});
  return names.flatMap((name) => {
    const row = (of: string, pick: (cost: Cost) => number): Row =>
      rowOf(`Publish with history, ${name}, CPU of ${of}`, 'times that without', {
        ours: ratioOf(rounds, 'kept', 'plain', (costs) => pick(costs[name] as Cost)),
      });
    return [row('the client', ({ client }) => client), row('Redis', ({ redis }) => redis)];
  });
}

async function memoryRows(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, bytes } of SIZES) {
    const each = await bench.repeat({ full: 3, quick: 1 }, () =>
      bench.withOwnRedis(async ({ redis }) => {
        const lists = bench.pick(LISTS);
        const before = await redis.memory();
        await redis.send(keepMessages(lists, bytes));
        return ((await redis.memory()) - before) / lists;
      }),
    );
    const figures = figuresOf(new Map([['ours' as const, each]]), (it) => it);
    rows.push(rowOf(`Memory of a list, ${LIST_SIZE} messages of ${name}`, 'B', figures));
  }
  return rows;
}

function measureOutages(bench: Bench, recovers: boolean): Promise<Cost> {
  const { redis } = bench;
  const channels = bench.pick(CHANNELS);
  const { bytes } = SMALL;
  return bench.withProcess('recovering-observer', async (observer) => {
    await redis.send(keepMessages(channels, bytes));
    await observer.observe(redis.port, channels, recovers);
    // An observer that has received a message knows its place.
    const delivered = observer.received(channels);
    let last = LIST_SIZE + 1;
    await redis.send(deliverMessages(channels, bytes, last));
    await delivered;
    const outage = async (): Promise<Cost> => {
      const ended = observer.outage(channels);
      // At once for Redis: all is missed when the observers connect again.
      const before = await redis.killSubscribersAnd(loseMessages(channels, bytes, last, MISSED));
      last += MISSED;
      const { cpu: client, recovered, messages } = await ended;
      const expected = recovers ? [channels, channels * MISSED] : [0, 0];
      if (recovered !== expected[0] || messages !== expected[1]) {
        throw new Error(`Expected ${expected.join(' and ')}, got ${recovered} and ${messages}`);
      }
      return { client, redis: (await redis.cpu()) - before };
    };
    // Warms up.
    await outage();
    const costs = await bench.repeat(OUTAGES, outage);
    return costs.toSorted((one, other) => totalOf(one) - totalOf(other))[costs.length >> 1] as Cost;
  });
}

function outageRows(
  bench: Bench,
  rounds: ReadonlyMap<'subscribed' | 'recovered', readonly Cost[]>,
): Row[] {
  const channels = `${bench.pick(CHANNELS).toLocaleString('en')} channels`;
  return (['client', 'redis'] as const).flatMap((of) => {
    const name = of === 'client' ? 'the process' : 'Redis';
    const inMs = figuresOf(rounds, (cost) => cost[of] / 1_000);
    const row = (text: string, ours: Summary | undefined): Row =>
      rowOf(`${text}, CPU of ${name}`, 'ms', ours ? { ours } : {});
    return [
      row(`${channels} subscribed again`, inMs.subscribed),
      row(`${channels} subscribed again and recovered`, inMs.recovered),
      rowOf('… beside those without recovery', '×', {
        ours: ratioOf(rounds, 'recovered', 'subscribed', (cost) => cost[of]),
      }),
    ];
  });
}

function ratioOf<Name extends string, Result>(
  rounds: ReadonlyMap<Name, readonly Result[]>,
  ours: Name,
  other: Name,
  pick: (result: Result) => number,
): Summary {
  const of = (name: Name): number[] => (rounds.get(name) ?? []).map(pick);
  return summarizeRatios(of(ours), of(other));
}
