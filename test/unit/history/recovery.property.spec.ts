import * as fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { LastNumbers } from '../../../src/history/kept-id.js';
import { ReadMessages, type HistoryAnswer } from '../../../src/history/read-messages.js';
import { resolveOptions } from '../../../src/options/resolve-options.js';
import { serverOf } from '../../../src/testing/in-memory-redis.js';
import type { InMemoryServer } from '../../../src/testing/in-memory-server.js';
import { MessageBus } from '../../../src/transport/message-bus.js';
import { faultsOf, RESYNC, ResumingClient } from '../../support/transcript.js';

/** How many schedules: `HISTORY=10000 npx vitest run --project unit test/unit/history/recovery`. */
const RUNS = Number(process.env.HISTORY ?? 150);
/** That of the schedules of the counter-proofs. */
const SEED = 4;
const TTL_MS = 60_000;
/** That of a message which is published with limits of its own: the shortest `age` is longer. */
const BRIEF_MS = 0.05 * TTL_MS;
const CHANNELS = ['a', 'b'] as const;

const channel = fc.constantFrom(...CHANNELS);
const two = fc.nat(1);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      by: two,
      channel,
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('yield' as const),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  fc.record({
    do: fc.constantFrom('plain' as const, 'brief' as const),
    by: two,
    channel,
  }),
  fc.record({ do: fc.constant('forge' as const), id: fc.nat(9), add: fc.nat(2) }),
  fc.record({ do: fc.constant('remove' as const), channel }),
  fc.record({
    do: fc.constantFrom(
      'interrupt' as const,
      'cut' as const,
      'restore' as const,
      'kill' as const,
      'deafen' as const,
      'hold' as const,
      'late' as const,
      'settle' as const,
    ),
  }),
  fc.record({ do: fc.constantFrom('replicate' as const, 'failover' as const, 'flush' as const) }),
  fc.record({ do: fc.constant('age' as const), part: fc.constantFrom(0.1, 0.4, 1.1) }),
  fc.record({
    do: fc.constant('away' as const),
    channel,
    isBrief: fc.boolean(),
    part: fc.constantFrom(0, 0.1, 1.1),
    isInterrupted: fc.boolean(),
  }),
  fc.record({
    do: fc.constantFrom('move' as const, 'join' as const, 'leave' as const),
    client: fc.nat(5),
    to: two,
  }),
);
const schedules = fc.record({
  size: fc.constantFrom(1, 3, 6, 100),
  steps: fc.array(step, { minLength: 10, maxLength: 60 }),
});
type Schedule = typeof schedules extends fc.Arbitrary<infer T> ? T : never;
type Step = Schedule['steps'][number];

/** What each step does. */
type Acts = { readonly [Name in Step['do']]: (it: Step & { readonly do: Name }) => unknown };

/** One process: a service over the Redis of the schedule. */
class Process {
  readonly bus: MessageBus;
  readonly service: RedisPubSubService;

  constructor(redis: InMemoryRedis, size: number) {
    const history = { '*': { size, ttl: TTL_MS } };
    this.bus = new MessageBus(resolveOptions('RedisPubSubModule', { connection: redis, history }));
    this.service = new RedisPubSubService(this.bus);
  }
}

const age = (part: number): void => void vi.setSystemTime(Date.now() + part * TTL_MS);

/** Runs one schedule. Returns what each client received, and what was published on its channel. */
async function run({ size, steps }: Schedule, prepare?: (server: InMemoryServer) => void) {
  const redis = new InMemoryRedis();
  const server = serverOf(redis);
  prepare?.(server);
  const processes = [new Process(redis, size), new Process(redis, size)] as const;
  await Promise.all(processes.map(({ bus }) => bus.start()));
  const published: Record<string, number[]> = { a: [], b: [] };
  /** The ids of the last messages that were kept, from the newest on. */
  const ids: { readonly name: string; readonly mid: string }[] = [];
  let number = 0;
  // Redis decides on the order, and on what was published at all.
  const remove = server.onPublish(({ channel: name, payload }) => {
    const { data, mid = '' } = JSON.parse(payload.toString()) as { data: number; mid?: string };
    if (data < 0) return;
    published[name]?.push(data);
    ids.unshift({ name, mid });
  });
  const clients = CHANNELS.flatMap((name) => [new ResumingClient(name), new ResumingClient(name)]);
  // Behind a message that is not kept, the newest message comes again.
  if (steps.every((it) => it.do !== 'forge')) {
    clients.push(...CHANNELS.map((name) => new ResumingClient(name, { mode: 'last' })));
  }
  for (const [i, it] of clients.entries()) it.observe(processes[(i % 2) as 0 | 1]);
  let replica = server.lists.snapshot();
  let isHeld = false;
  let isLate = false;
  // Live copies arrive after what Redis answers at the same time.
  const deliver = server.publish.bind(server);
  server.publish = (message) => {
    if (isLate) redis.delay(Infinity);
    const receivers = deliver(message);
    // Not 0, which would end the other delays.
    if (isLate && !isHeld) redis.delay(Number.MIN_VALUE);
    return receivers;
  };
  const settle = async (): Promise<void> => {
    redis.restore();
    isHeld = isLate = false;
    for (let calm = 0; calm < 8; calm = server.isIdle ? calm + 1 : 0) await setImmediate();
  };
  const publish = (
    by: number,
    name: string,
    data: number,
    history?: { size: number; ttl: number } | false,
  ): void => {
    const options = history === undefined ? {} : { history };
    processes[by as 0 | 1].service.publish(name, data, options).catch(() => undefined);
  };
  const kill = (): void => server.disconnectAll('subscriber');
  /** Ends the subscriptions again while their histories are read. */
  const interrupt = async (): Promise<void> => {
    kill();
    const reads = vi.spyOn(server, 'readLists');
    for (let turn = 0; turn < 6 && reads.mock.calls.length === 0; turn++) await setImmediate();
    reads.mockRestore();
    kill();
  };
  /** A publisher that is never away. */
  const publishOutside = (name: string, ttlMs: number): void => {
    const { lists } = processes[0].bus;
    const packet = { pattern: name, data: ++number, mid: `outside.~${name}-${number}` };
    const list = { key: lists.keyOf(name, 'channel'), size, ttlMs };
    const payload = Buffer.from(JSON.stringify(packet));
    server.publish({ channel: name, payload, kind: 'channel', list });
  };
  /** Another client publishes a message of its own, whose id is that of a message, or of one to come. */
  const forge = (it: { readonly name: string; readonly mid: string }, add: number): void => {
    const dash = it.mid.lastIndexOf('-') + 1;
    const mid = it.mid.slice(0, dash) + String(Number(it.mid.slice(dash)) + add);
    const payload = Buffer.from(JSON.stringify({ pattern: it.name, data: -1, mid }));
    server.publish({ channel: it.name, payload, kind: 'channel' });
  };
  const takeOver = (lists: typeof replica): void => {
    redis.cut();
    server.lists.replace(lists);
    redis.restore();
  };
  const acts: Acts = {
    publish: ({ by, channel: name, count }) => {
      for (let i = 0; i < count; i++) publish(by, name, ++number);
    },
    plain: ({ by, channel: name }) => publish(by, name, -1, false),
    brief: ({ by, channel: name }) => publish(by, name, ++number, { size, ttl: BRIEF_MS }),
    forge: ({ id, add }) => {
      const it = ids[id];
      if (it) forge(it, add);
    },
    remove: ({ channel: name }) =>
      server.lists.expire(processes[0].bus.lists.keyOf(name, 'channel')),
    interrupt,
    yield: async ({ count }) => {
      for (let i = 0; i < count; i++) await setImmediate();
    },
    cut: () => redis.cut(),
    restore: () => redis.restore(),
    kill,
    deafen: () => redis.deafen(),
    hold: () => {
      redis.delay(isHeld ? 0 : Infinity);
      isHeld = !isHeld;
    },
    late: () => {
      isLate = !isLate;
      if (!isLate && !isHeld) redis.delay(0);
    },
    settle,
    replicate: () => void (replica = server.lists.snapshot()),
    failover: () => takeOver(replica),
    flush: () => takeOver(new Map()),
    age: ({ part }) => age(part),
    away: async ({ channel: name, isBrief, part, isInterrupted }) => {
      redis.cut();
      publishOutside(name, isBrief ? BRIEF_MS : TTL_MS);
      age(part);
      publishOutside(name, TTL_MS);
      redis.restore();
      if (isInterrupted) await interrupt();
    },
    move: ({ client, to }) => {
      clients[client % clients.length]?.observe(to === 0 ? processes[0] : processes[1]);
    },
    join: ({ client, to }) => {
      if (clients.length > 10) return;
      const joined = new ResumingClient(CHANNELS[(client % 2) as 0 | 1]);
      clients.push(joined);
      joined.observe(to === 0 ? processes[0] : processes[1]);
    },
    leave: ({ client }) => clients[client % clients.length]?.leave(),
  };
  const byName = acts as Readonly<Record<string, (it: Step) => unknown>>;
  for (const it of steps) await byName[it.do]?.(it);
  await settle();
  for (const [i, it] of clients.entries()) it.observe(processes[(i % 2) as 0 | 1]);
  await settle();
  for (const name of CHANNELS) publish(0, name, ++number);
  await settle();
  remove();
  for (const it of clients) it.leave();
  await Promise.all(processes.map(({ bus }) => bus.close()));
  return clients.map(({ channel: name, mode, transcript }) => ({
    mode,
    transcript,
    source: published[name] as number[],
  }));
}

/** The first fault of a kind that schedules show where a part of the recovery is missing. */
async function firstFault(
  kind: RegExp,
  prepare?: (server: InMemoryServer) => void,
): Promise<string> {
  for (const schedule of fc.sample(schedules, { numRuns: 3_000, seed: SEED })) {
    for (const { mode, transcript, source } of await run(schedule, prepare)) {
      const fault = faultsOf(transcript, source, mode).find((it) => kind.test(it));
      if (fault !== undefined) return fault;
    }
  }
  return '';
}

describe('recovery', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
    Logger.overrideLogger(false);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('hands out each message once and in order, or says that some are missing, whatever happens', async () => {
    const found = { messages: 0, resyncs: 0 };
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const transcripts = await run(schedule);
        for (const { mode, transcript, source } of transcripts) {
          expect(faultsOf(transcript, source, mode)).toEqual([]);
          found.messages += transcript.filter((it) => it !== RESYNC).length;
          found.resyncs += transcript.filter((it) => it === RESYNC).length;
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(Math.min(found.messages, found.resyncs)).toBeGreaterThan(RUNS);
  }, 600_000);

  it('would hand out messages twice if it did not know what it has read', async () => {
    vi.spyOn(LastNumbers.prototype, 'placeOf').mockReturnValue('behind');
    expect(await firstFault(/again$/)).toMatch(/again$/);
  }, 120_000);

  it('would have holes if it trusted another server', async () => {
    const fault = await firstFault(/^a hole/, ({ lists }) => {
      const read = lists.read.bind(lists);
      lists.read = (asked) => ({ ...read(asked), serverId: 'the-same-server' });
    });
    expect(fault).toMatch(/^a hole/);
  }, 120_000);

  it('would have holes if it trusted a list that does not have its place', async () => {
    const answer = Object.getOwnPropertyDescriptor(ReadMessages.prototype, 'answer');
    const { get } = answer as { get: () => HistoryAnswer };
    vi.spyOn(ReadMessages.prototype, 'answer', 'get').mockImplementation(function (
      this: ReadMessages,
    ) {
      const found = get.call(this);
      return found.isRecovered ? found : { ...found, isRecovered: true, missed: found.read };
    });
    expect(await firstFault(/^a hole/)).toMatch(/^a hole/);
  }, 120_000);
});
