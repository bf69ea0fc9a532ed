import type { Bench } from '../harness/bench.js';
import type { Remote } from '../harness/child.js';
import { rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import type { PublishCommands } from '../harness/redis-server.js';
import type { Row } from '../harness/result.js';
import { summarize } from '../harness/statistics.js';
import { atMost } from '../harness/target.js';
import { LIMITS } from '../limits.js';
import type { CounterCommands, Counts } from '../processes/counter.js';
import { channelName } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';

type Counter = Remote<CounterCommands>;
type Prepare = (counter: Counter, port: number) => Promise<void>;
type Run = (bench: Bench, counter: Counter, messages: number) => Promise<Counts>;

const MESSAGES = 1_000;
const WARM_UP = 20_000;
/** The events of one tick. */
const SIZE = 100;
const TICKS = MESSAGES / SIZE;
/** The young generation in megabytes: far more than the messages of a count need. */
const YOUNG = 64;
const NODE_OPTIONS = [
  '--expose-gc',
  `--min-semi-space-size=${YOUNG}`,
  `--max-semi-space-size=${YOUNG}`,
];

/** What a message costs in counts that do not depend on the machine. They are the same in a quick run. */
export const counts: Measure = {
  name: 'counts',
  title: 'Counts that do not depend on the machine',

  async run(bench) {
    return { rows: [...(await receiving(bench)), ...(await emitting(bench))] };
  },
};

async function receiving(bench: Bench): Promise<Row[]> {
  const handled = await count(bench, (counter, port) => counter.handle(port), receive);
  const observed = await count(bench, (counter, port) => counter.observe(port), receive);
  return [
    row(
      'Allocated for a received message',
      'B',
      handled.allocated / MESSAGES,
      'allocatedPerReceived',
    ),
    row(
      'Allocated for an observed message',
      'B',
      observed.allocated / MESSAGES,
      'allocatedPerObserved',
    ),
    row('Timers for 1,000 received messages', '', handled.timers, 'timersPerThousandReceived'),
  ];
}

async function emitting(bench: Bench): Promise<Row[]> {
  const { allocated, timers, writes, publishes } = await count(bench, connect(false), emit);
  const batched = await count(bench, connect(true), emit);
  return [
    row('Allocated for an emitted event', 'B', allocated / MESSAGES, 'allocatedPerEmitted'),
    row('Timers for 1,000 emitted events', '', timers, 'timersPerThousandEmitted'),
    row(`Writes to the socket for ${SIZE} events of one tick`, '', writes / TICKS, 'writesPerTick'),
    row(`PUBLISH for ${SIZE} events of one tick`, '', publishes / TICKS, 'commandsPerTick'),
    row(
      `Scripts for ${SIZE} events of one tick, with batchPublishes`,
      '',
      batched.scripts / TICKS,
      'commandsPerBatch',
    ),
  ];
}

/** The counts of one run of `run` in a process that has warmed up with it. */
function count(bench: Bench, prepare: Prepare, run: Run): Promise<Counts & PublishCommands> {
  return bench.withProcess(
    'counter',
    async (counter) => {
      await prepare(counter, bench.redis.port);
      await run(bench, counter, WARM_UP);
      const before = await bench.redis.publishCommands();
      const counted = await run(bench, counter, MESSAGES);
      const after = await bench.redis.publishCommands();
      return {
        ...counted,
        publishes: after.publishes - before.publishes,
        scripts: after.scripts - before.scripts,
      };
    },
    { nodeOptions: NODE_OPTIONS },
  );
}

function connect(batchPublishes: boolean): Prepare {
  return (counter, port) => counter.connect(port, batchPublishes);
}

async function receive(bench: Bench, counter: Counter, messages: number): Promise<Counts> {
  await counter.expect(messages);
  await bench.load.flood({ count: messages, bytes: SMALL, channel: channelName(0) });
  return counter.received();
}

function emit(_: Bench, counter: Counter, messages: number): Promise<Counts> {
  return counter.emit(messages / SIZE, SIZE);
}

function row(name: string, unit: string, value: number, limit: keyof typeof LIMITS): Row {
  return rowOf(name, unit, { ours: summarize([value]) }, [atMost(LIMITS[limit], unit)]);
}
