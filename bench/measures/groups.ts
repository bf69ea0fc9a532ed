import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../harness/bench.js';
import type { Remote } from '../harness/child.js';
import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import type { Row } from '../harness/result.js';
import { summarizeRatios } from '../harness/statistics.js';
import type { GroupMemberCommands, MemberUsage } from '../processes/group-member.js';
import { SMALL } from '../workload/payloads.js';

const MEMBERS = { full: [1, 2, 4], quick: [2] };
const COUNT = { full: 10_000, quick: 500 };
const IN_FLIGHT = 100;
const ROUNDS = { full: 3, quick: 1 };
const POLL_INTERVAL_MS = 20;
const CASES = ['alone', 'grouped'] as const;

type Case = (typeof CASES)[number];
type Member = Remote<GroupMemberCommands>;

/** Microseconds of CPU per message that was published. */
interface Cost {
  readonly redis: number;
  /** Of all members together. */
  readonly members: number;
}

/** What the claims of a group cost, beside members of which each handles every message. */
export const groups: Measure = {
  name: 'groups',
  title: 'Handlers of a group, beside handlers of none',

  async run(bench) {
    const rows: Row[] = [];
    for (const members of bench.pick(MEMBERS)) {
      const rounds = await bench.runInRounds(
        CASES,
        (name) => bench.withOwnRedis((own) => measureCost(own, name, members)),
        ROUNDS,
      );
      rows.push(
        ratioRow(`CPU of Redis, ${members} in the group`, rounds, ({ redis }) => redis),
        ratioRow(`CPU of all ${members} in the group`, rounds, (cost) => cost.members),
      );
    }
    return {
      rows,
      notes: [
        'The rows of `groups` are ratios: a message for a group, to the same message for as many handlers without one.',
      ],
    };
  },
};

async function measureCost(bench: Bench, name: Case, count: number): Promise<Cost> {
  const members: Member[] = [];
  const measureWith = (left: number): Promise<Cost> =>
    left === 0
      ? measure(bench, name, members)
      : bench.withProcess('group-member', async (member) => {
          await member.listen(bench.redis.port, name === 'grouped' ? 'billing' : undefined);
          members.push(member);
          return measureWith(left - 1);
        });
  return measureWith(count);
}

function measure(bench: Bench, name: Case, members: readonly Member[]): Promise<Cost> {
  const count = bench.pick(COUNT);
  const perFlood = name === 'grouped' ? count : count * members.length;
  return bench.withProcess('emitter', async (emitter) => {
    await emitter.connect('ours', bench.redis.port, { batches: false });
    const flood = async (): Promise<Cost> => {
      const [before, redisBefore] = [await total(members), await bench.redis.cpu()];
      await emitter.emit({ bytes: SMALL, count, inFlight: IN_FLIGHT });
      let after = await total(members);
      while (after.handled - before.handled < perFlood) {
        await delay(POLL_INTERVAL_MS);
        after = await total(members);
      }
      const redis = ((await bench.redis.cpu()) - redisBefore) / count;
      return { redis, members: (after.cpu - before.cpu) / count };
    };
    // Warms up.
    await flood();
    return bench.sample(flood, (cost) => cost.redis + cost.members);
  });
}

async function total(members: readonly Member[]): Promise<MemberUsage> {
  const usages = await Promise.all(members.map((member) => member.usage()));
  return usages.reduce((sum, it) => ({ handled: sum.handled + it.handled, cpu: sum.cpu + it.cpu }));
}

function ratioRow(
  name: string,
  rounds: ReadonlyMap<Case, readonly Cost[]>,
  pick: (cost: Cost) => number,
): Row {
  const { alone, grouped } = figuresOf(rounds, pick);
  const ours = summarizeRatios(grouped?.rounds ?? [], alone?.rounds ?? []);
  return rowOf(name, 'times that without a group', { ours });
}
