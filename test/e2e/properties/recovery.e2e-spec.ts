import * as fc from 'fast-check';
import { Redis } from 'ioredis';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { ListEnd } from '../../../src/broker/broker.js';
import { RedisBroker } from '../../../src/broker/redis-broker.js';
import { ReadMessages, type HistoryAnswer } from '../../../src/history/read-messages.js';
import { closeAfterTest } from '../../support/app.js';
import { eventually, plain, useRedis, type TestRedis } from '../../support/redis.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { faultsOf, RESYNC, ResumingClient } from '../../support/transcript.js';
import { startService, type ServiceApp } from '../module/service-app.js';

/** How many schedules: `HISTORY=2000 npm run test:e2e test/e2e/properties/recovery`. */
const RUNS = Number(process.env.HISTORY ?? 200);
/** Schedules that kill servers, and those that let another one take over: they take seconds. */
const KILLS = Math.ceil(RUNS / 20);
const FAILOVERS = Math.ceil(RUNS / 3);
const SEED = 20_261_201;
const SIZES = [1, 3, 6, 100] as const;
const TTL_MS = 60_000;
const BRIEF_MS = 5;
/** Where nothing answers: a replica keeps its data, and receives no more. */
const NO_PORT = 1;
const history = Object.fromEntries(SIZES.map((size) => [`s${size}.*`, { size, ttl: TTL_MS }]));

const two = fc.nat(1);
const publish = fc.record({
  do: fc.constant('publish' as const),
  by: two,
  channel: two,
  count: fc.integer({ min: 1, max: 6 }),
});
const calm = fc.oneof(
  { weight: 8, arbitrary: publish },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('answers' as const),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delivered' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'down' as const, 'up' as const),
      process: two,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('move' as const, 'join' as const, 'leave' as const),
      client: fc.nat(6),
      process: two,
    }),
  },
  fc.record({
    do: fc.constantFrom('plain' as const, 'expire' as const, 'remove' as const),
    channel: two,
  }),
);
const kill = fc.record({ do: fc.constant('kill' as const), isEmptied: fc.boolean() });
const failover = fc.record({
  do: fc.constantFrom('freeze' as const, 'takeOver' as const, 'takeOver' as const),
});
type Step =
  | (typeof calm extends fc.Arbitrary<infer T> ? T : never)
  | (typeof kill extends fc.Arbitrary<infer T> ? T : never)
  | (typeof failover extends fc.Arbitrary<infer T> ? T : never);

interface Schedule {
  readonly size: number;
  readonly steps: readonly Step[];
}

/** What each step does. */
type Acts = { readonly [Name in Step['do']]: (it: Step & { readonly do: Name }) => unknown };

const schedulesOf = (step: fc.Arbitrary<Step>, maxLength: number): fc.Arbitrary<Schedule> =>
  fc.record({
    size: fc.constantFrom(...SIZES),
    steps: fc.array(step, { minLength: 10, maxLength }),
  });
const calmSchedules = schedulesOf(calm, 40);
const killSchedules = schedulesOf(
  fc.oneof({ weight: 12, arbitrary: calm }, { weight: 1, arbitrary: kill }),
  40,
);
const failoverSchedules = schedulesOf(
  fc.oneof({ weight: 5, arbitrary: calm }, { weight: 1, arbitrary: failover }),
  40,
);

const keyOf = (name: string): string => `_pubsub.history:{${name}}`;
const pick = <T>(items: readonly T[], i: number): T => items[i % items.length] as T;

/** A process with readers, behind a proxy. */
interface Reading {
  readonly app: ServiceApp;
  readonly proxy: TcpProxy;
  isUp: boolean;
}

/** Two servers, one of which is the master; two processes that publish, and two that read. */
class World {
  readonly publishers: ServiceApp[] = [];
  readonly readings: Reading[] = [];
  /** What the master has published, for each channel, in its order. */
  readonly published = new Map<string, number[]>();
  master: TestRedis;
  #isLinked = false;
  #schedules = 0;
  #number = 0;
  readonly #witnesses = new Map<TestRedis, Redis>();
  readonly #publishing: TcpProxy;

  private constructor(
    readonly servers: readonly TestRedis[],
    publishing: TcpProxy,
  ) {
    this.master = pick(servers, 0);
    this.#publishing = publishing;
  }

  static async start(servers: readonly TestRedis[]): Promise<World> {
    const master = pick(servers, 0);
    for (const { client } of servers) {
      await client.replicaof('NO', 'ONE');
      await client.flushall();
    }
    const world = new World(servers, await startProxy(master.port));
    for (const server of servers) await world.#witness(server);
    const connect = ({ port }: TcpProxy): Promise<ServiceApp> =>
      startService(master, { history, connection: { ...plain(port), retryStrategy: () => 5 } });
    for (let i = 0; i < 2; i++) {
      world.publishers.push(await connect(world.#publishing));
      const proxy = await startProxy(master.port);
      world.readings.push({ app: await connect(proxy), proxy, isUp: true });
    }
    return world;
  }

  get other(): TestRedis {
    return this.servers.find((it) => it !== this.master) ?? this.master;
  }

  /** Names of the channels of the next schedule. */
  nextChannels(size: number): readonly [string, string] {
    const number = ++this.#schedules;
    const names = [`s${size}.${number}-a`, `s${size}.${number}-b`] as const;
    for (const name of names) this.published.set(name, []);
    return names;
  }

  publish(by: number, channel: string, options: object = {}): Promise<unknown> {
    const { service } = pick(this.publishers, by);
    return service.publish(channel, ++this.#number, options).catch(() => undefined);
  }

  async up(reading: Reading): Promise<void> {
    if (reading.isUp) return;
    reading.isUp = true;
    await reading.proxy.start();
  }

  async down(reading: Reading): Promise<void> {
    if (!reading.isUp) return;
    reading.isUp = false;
    await reading.proxy.stop();
  }

  /** Resolves when all that the master has published is known. */
  async witnessed(): Promise<void> {
    await this.#witnesses.get(this.master)?.ping();
  }

  /** The server ends at once, and starts with its data. */
  async kill(isEmptied: boolean): Promise<void> {
    const { master } = this;
    await this.witnessed();
    this.#witnesses.get(master)?.disconnect();
    await this.#away(async () => {
      await master.kill();
      await master.stop();
      await master.start();
      if (isEmptied) await master.client.flushall();
      await this.#witness(master);
    });
  }

  /** The other server has all data, and receives what is published. */
  async link(): Promise<void> {
    if (this.#isLinked) return;
    const { client } = this.other;
    await client.replicaof('127.0.0.1', this.master.port);
    await eventually(async () =>
      (await client.info('replication')).includes('master_link_status:up'),
    );
    this.#isLinked = true;
  }

  /** The other server keeps its data, and receives no more. */
  async freeze(): Promise<void> {
    this.#isLinked = false;
    await this.other.client.replicaof('127.0.0.1', NO_PORT);
  }

  /** The other server becomes the master, with the data that it has. */
  async takeOver(): Promise<void> {
    await this.witnessed();
    await this.#away(async () => {
      const [before, after] = [this.master, this.other];
      await before.client.replicaof('127.0.0.1', NO_PORT);
      await after.client.replicaof('NO', 'ONE');
      this.master = after;
      this.#isLinked = false;
      for (const proxy of [this.#publishing, ...this.readings.map((it) => it.proxy)]) {
        proxy.retarget(after.port);
      }
    });
  }

  /** No publisher is connected while `change` runs, and no reader. */
  async #away(change: () => Promise<void>): Promise<void> {
    const up = this.readings.filter(({ isUp }) => isUp);
    await this.#publishing.stop();
    await Promise.all(up.map((it) => this.down(it)));
    await change();
    await this.#publishing.start();
    await Promise.all(up.map((it) => this.up(it)));
  }

  /** Notes what a server publishes while it is the master. */
  async #witness(server: TestRedis): Promise<void> {
    const witness = new Redis(server.port, { retryStrategy: () => null });
    closeAfterTest(async () => witness.disconnect());
    witness.on('error', () => undefined);
    witness.on('pmessage', (_: string, channel: string, payload: string) => {
      const numbers = this.published.get(channel);
      if (!numbers || server !== this.master) return;
      const { data } = JSON.parse(payload) as { readonly data: number };
      if (data >= 0) numbers.push(data);
    });
    await witness.psubscribe('s*');
    this.#witnesses.set(server, witness);
  }
}

/** Runs one schedule. Returns what each client received, and what was published on its channel. */
async function run(world: World, { size, steps }: Schedule) {
  const channels = world.nextChannels(size);
  const clients = channels.flatMap((name) => [
    new ResumingClient(name),
    new ResumingClient(name),
    new ResumingClient(name, { mode: 'last' }),
  ]);
  for (const [i, it] of clients.entries()) it.observe(pick(world.readings, i).app);
  await eventually(() => clients.every(({ outcomes }) => outcomes > 0));
  const pending: Promise<unknown>[] = [];
  const delivered = async (): Promise<void> => void (await Promise.all(pending.splice(0)));
  const acts: Acts = {
    publish: ({ by, channel, count }) => {
      for (let i = 0; i < count; i++) pending.push(world.publish(by, pick(channels, channel)));
    },
    plain: ({ channel }) => {
      const { service } = pick(world.publishers, channel);
      pending.push(service.publish(pick(channels, channel), -1, { history: false }));
    },
    answers: async ({ count }) => {
      for (let i = 0; i < count; i++) await world.master.client.ping();
    },
    delivered,
    cut: ({ process }) => pick(world.readings, process).proxy.cut(),
    down: ({ process }) => world.down(pick(world.readings, process)),
    up: ({ process }) => world.up(pick(world.readings, process)),
    move: ({ client, process }) => pick(clients, client).observe(pick(world.readings, process).app),
    join: ({ client, process }) => {
      if (clients.length > 10) return;
      const joined = new ResumingClient(pick(channels, client));
      clients.push(joined);
      joined.observe(pick(world.readings, process).app);
    },
    leave: ({ client }) => pick(clients, client).leave(),
    expire: async ({ channel }) => {
      const name = pick(channels, channel);
      await delivered();
      await world.publish(0, name, { history: { size, ttl: BRIEF_MS } });
      await eventually(async () => (await world.master.client.exists(keyOf(name))) === 0);
    },
    remove: ({ channel }) => world.master.client.del(keyOf(pick(channels, channel))),
    kill: async ({ isEmptied }) => {
      await delivered();
      await world.kill(isEmptied);
    },
    freeze: () => world.freeze(),
    takeOver: async () => {
      await delivered();
      await world.takeOver();
    },
  };
  const byName = acts as Readonly<Record<string, (it: Step) => unknown>>;
  for (const it of steps) await byName[it.do]?.(it);
  await delivered();
  for (const it of world.readings) await world.up(it);
  for (const [i, it] of clients.entries()) {
    it.outcomes = 0;
    it.observe(pick(world.readings, i).app);
  }
  await eventually(() => clients.every(({ outcomes }) => outcomes > 0));
  const results = clients.map(({ channel, mode, transcript }) => {
    const source = world.published.get(channel) ?? [];
    return { mode, transcript, source };
  });
  for (const name of channels) await world.publish(0, name);
  await world.witnessed();
  // A connection that was cut just now may lose the first of them, and say so.
  await eventually(async () => {
    if (results.every((it) => it.transcript.at(-1) === it.source.at(-1))) return true;
    for (const name of channels) await world.publish(0, name);
    await world.witnessed();
    return false;
  });
  for (const it of clients) it.leave();
  return results;
}

type Results = Awaited<ReturnType<typeof run>>;

const allFaults = (results: Results): string[] =>
  results.flatMap(({ mode, transcript, source }) => faultsOf(transcript, source, mode));

/** Runs schedules, and expects no fault. Returns how many messages arrived, and how often messages were lost. */
async function check(
  schedules: fc.Arbitrary<Schedule>,
  numRuns: number,
  runOne: (schedule: Schedule) => Promise<Results>,
) {
  const found = { messages: 0, resyncs: 0 };
  const property = fc.asyncProperty(schedules, async (schedule) => {
    const results = await runOne(schedule);
    expect(allFaults(results)).toEqual([]);
    const entries = results.flatMap(({ transcript }) => transcript);
    found.resyncs += entries.filter((it) => it === RESYNC).length;
    found.messages += entries.filter((it) => it !== RESYNC).length;
  });
  await fc.assert(property, { numRuns, seed: SEED, endOnFailure: true });
  return found;
}

/** The first hole that schedules show where a part of the recovery is missing. */
const firstHole = async (
  servers: readonly TestRedis[],
  schedules: fc.Arbitrary<Schedule>,
  prepare: (world: World) => Promise<void>,
): Promise<string> => {
  const world = await World.start(servers);
  for (const schedule of fc.sample(schedules, { numRuns: 300, seed: SEED })) {
    await prepare(world);
    const hole = allFaults(await run(world, schedule)).find((it) => it.startsWith('a hole'));
    if (hole !== undefined) return hole;
  }
  return '';
};
const replaceServerId = (serverIdOf: (end: ListEnd) => string | undefined): void => {
  const own = Object.getOwnPropertyDescriptor(RedisBroker.prototype, 'readLists');
  const { value: readLists } = own as { value: RedisBroker['readLists'] };
  vi.spyOn(RedisBroker.prototype, 'readLists').mockImplementation(async function (
    this: RedisBroker,
    ...args: Parameters<RedisBroker['readLists']>
  ) {
    const ends = await readLists.apply(this, args);
    return ends.map((end) => ({ ...end, serverId: serverIdOf(end) }));
  });
};

describe('recovery at real servers, in random schedules', () => {
  const folders: string[] = [];
  const useServer = (): TestRedis =>
    useRedis(() => {
      const folder = mkdtempSync(join(tmpdir(), 'recovery-'));
      folders.push(folder);
      const disk = ['--dir', folder, '--appendonly', 'yes', '--appendfsync', 'always'];
      // Each replica has data.
      return [...disk, '--repl-diskless-load', 'swapdb', '--repl-diskless-sync-delay', '0'];
    });
  const servers = [useServer(), useServer()];
  afterEach(() => void vi.restoreAllMocks());
  afterAll(() =>
    Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))),
  );

  it('hands out each message once and in order, or says that some are missing, whatever clients do', async () => {
    const world = await World.start(servers);
    const found = await check(calmSchedules, RUNS, (schedule) => run(world, schedule));
    expect(Math.min(found.messages, found.resyncs)).toBeGreaterThan(RUNS);
  }, 600_000);

  it('does so where the server is killed, with its data and without', async () => {
    const world = await World.start(servers);
    const found = await check(killSchedules, KILLS, (schedule) => run(world, schedule));
    expect(Math.min(found.messages, found.resyncs)).toBeGreaterThan(KILLS);
  }, 600_000);

  it('does so where a replica that may lack messages takes over, and where the old master does', async () => {
    const world = await World.start(servers);
    const found = await check(failoverSchedules, FAILOVERS, async (schedule) => {
      await world.link();
      return run(world, schedule);
    });
    expect(Math.min(found.messages, found.resyncs)).toBeGreaterThan(FAILOVERS);
  }, 600_000);

  describe('counter-proofs', () => {
    it('there are holes if a reader trusts another server', async () => {
      replaceServerId(() => 'the-same-server');
      expect(await firstHole(servers, failoverSchedules, (world) => world.link())).toMatch(
        /^a hole/,
      );
    }, 120_000);

    it('there are holes if a reader knows a master by its run_id alone', async () => {
      replaceServerId(({ runId }) => runId);
      expect(await firstHole(servers, failoverSchedules, (world) => world.link())).toMatch(
        /^a hole/,
      );
    }, 120_000);

    it('there are holes if a reader trusts a list that does not have its place', async () => {
      const answer = Object.getOwnPropertyDescriptor(ReadMessages.prototype, 'answer');
      const { get } = answer as { get: () => HistoryAnswer };
      vi.spyOn(ReadMessages.prototype, 'answer', 'get').mockImplementation(function (
        this: ReadMessages,
      ) {
        const found = get.call(this);
        return found.isRecovered ? found : { ...found, isRecovered: true, missed: found.read };
      });
      expect(await firstHole(servers, calmSchedules, async () => undefined)).toMatch(/^a hole/);
    }, 120_000);
  });
});
