import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import type { Mutex } from '../harness/mutex.js';
import type { Row } from '../harness/result.js';
import { summarizeRatios, type Summary } from '../harness/statistics.js';
import type { AdapterName } from '../processes/socket-server.js';
import { PAYLOADS } from '../workload/payloads.js';

const COUNT = { full: 10_000, quick: 500 };
const NAMES = [
  'ours',
  'redis-adapter',
  'ours, sharded',
  'redis-adapter, sharded',
] as const satisfies readonly AdapterName[];
const SIZES = PAYLOADS.filter(({ bytes }) => bytes <= 1_024);

/** Microseconds of CPU per broadcast. */
interface Cost {
  readonly sender: number;
  readonly receiver: number;
}

/** What a broadcast costs the servers of Socket.IO, beside the adapter for ioredis. */
export const socketIo: Measure = {
  name: 'socket-io',
  title: 'A broadcast of Socket.IO, beside @socket.io/redis-adapter',

  async run(bench) {
    const rounds = await bench.runSideBySide(NAMES, (name, mutex) =>
      measureAdapter(bench, name, mutex),
    );
    const rows = SIZES.flatMap(({ name: size }, index) =>
      (['sender', 'receiver'] as const).flatMap((end) => {
        const figures = figuresOf(rounds, (costs) => costs[index]?.[end] ?? Number.NaN);
        return [
          ratioRow(`${end} of a broadcast, ${size}`, figures, ['ours', 'redis-adapter']),
          ratioRow(`${end} of a sharded broadcast, ${size}`, figures, [
            'ours, sharded',
            'redis-adapter, sharded',
          ]),
        ];
      }),
    );
    return {
      rows: rows.map(({ row }) => row),
      notes: [
        'The rows of `socket-io` are ratios of CPU time to that of the adapter for ioredis. Each server has one socket, which is no connection.',
        ...rows.map(({ note }) => note),
      ],
    };
  },
};

/** The cost for each size. */
function measureAdapter(bench: Bench, name: AdapterName, mutex: Mutex): Promise<Cost[]> {
  const count = bench.pick(COUNT);
  return bench.withProcess('socket-server', (sender) =>
    bench.withProcess('socket-server', async (receiver) => {
      for (const server of [sender, receiver]) {
        await mutex.runExclusive(() => server.open(name, bench.redis.port));
      }
      const broadcast = async (bytes: number): Promise<Cost> => {
        await receiver.expect(count);
        await sender.send({ count, bytes });
        const received = await receiver.completed();
        return { sender: (await sender.usage()).cpu / count, receiver: received.cpu };
      };
      const costs: Cost[] = [];
      for (const { bytes } of SIZES) {
        await mutex.runExclusive(() => broadcast(bytes));
        costs.push(
          await bench.sample(
            () => broadcast(bytes),
            (cost) => cost.sender + cost.receiver,
            mutex,
          ),
        );
      }
      return costs;
    }),
  );
}

function ratioRow(
  name: string,
  figures: Readonly<Partial<Record<AdapterName, Summary>>>,
  [one, other]: readonly [AdapterName, AdapterName],
): { readonly row: Row; readonly note: string } {
  const [ours, theirs] = [figures[one], figures[other]];
  const ratio = summarizeRatios(ours?.rounds ?? [], theirs?.rounds ?? []);
  const target = { text: '≤ 1', actual: ratio.median, isMet: ratio.median <= 1 };
  const row = { ...rowOf(name, 'times that of redis-adapter', { ours: ratio }), targets: [target] };
  const [cpu = 0, theirCpu = 0] = [ours?.median, theirs?.median];
  return { row, note: `${name}: ${cpu.toFixed(1)} µs, and ${theirCpu.toFixed(1)} µs.` };
}
