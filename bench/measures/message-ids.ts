import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import type { Row } from '../harness/result.js';
import { summarizeRatios } from '../harness/statistics.js';
import { atMost } from '../harness/target.js';
import { cpuOf, type Usage } from '../harness/usage.js';
import { channelGlob, channelName } from '../workload/channels.js';
import { SMALL } from '../workload/payloads.js';
import { receiveOnce } from './support/receiving.js';

const COUNT = { full: 20_000, quick: 500 };
/** In a shorter time one collection of garbage more would decide. */
const EMITTED = { full: 200_000, quick: 500 };
const ROUNDS = { full: 9, quick: 1 };
const IN_FLIGHT = 500;
const MAX_RATIO = 1.03;
const UNIT = 'µs of CPU per message';

const CASES = ['without', 'with'] as const;
type Case = (typeof CASES)[number];
type Rounds = ReadonlyMap<Case, readonly Usage[]>;

/** What the ids of messages cost the process that emits, and the one that receives and counts losses. */
export const messageIds: Measure = {
  name: 'message-ids',
  title: 'Message ids',

  async run(bench) {
    const emitting = await emitRounds(bench);
    const receiving = await receiveRounds(bench);
    return { rows: [...rowsOf('Emit', emitting), ...rowsOf('Receive', receiving)] };
  },
};

function emitRounds(bench: Bench): Promise<Rounds> {
  const some = { bytes: SMALL, count: bench.pick(EMITTED), inFlight: IN_FLIGHT };
  return bench.runSideBySide(
    CASES,
    (name, mutex) =>
      bench.withProcess('emitter', async (emitter) => {
        const options = { batches: false, messageIds: name === 'with' };
        await mutex.runExclusive(() => emitter.connect('ours', bench.redis.port, options));
        await mutex.runExclusive(() => emitter.emit(some));
        return bench.sample(() => emitter.emit(some), cpuOf, mutex);
      }),
    ROUNDS,
  );
}

async function receiveRounds(bench: Bench): Promise<Rounds> {
  const rounds = await bench.runSideBySide(
    CASES,
    (name, mutex) => {
      const index = CASES.indexOf(name);
      const flood = {
        bytes: SMALL,
        count: bench.pick(COUNT),
        channel: channelName(index),
        hasIds: name === 'with',
      };
      const receiver = { candidate: 'ours', patterns: [channelGlob(index)], isGlob: true } as const;
      return receiveOnce(bench, receiver, [flood], mutex);
    },
    ROUNDS,
  );
  return new Map([...rounds].map(([name, usages]) => [name, usages.flat()]));
}

function rowsOf(title: string, rounds: Rounds): Row[] {
  const figures = figuresOf(rounds, cpuOf);
  const { with: ours, without } = figures;
  if (!ours || !without) throw new Error('Expected figures with and without ids, got none');
  const ratio = { ours: summarizeRatios(ours.rounds, without.rounds) };
  return [
    rowOf(`${title}, messages without ids`, UNIT, { ours: without }),
    rowOf(`${title}, messages with ids`, UNIT, { ours }),
    rowOf('… beside those without', '×', ratio, [atMost(MAX_RATIO, '×')]),
  ];
}
