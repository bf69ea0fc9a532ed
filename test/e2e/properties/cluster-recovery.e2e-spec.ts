import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { useCluster, type TestCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import type { ServerProcess } from '../../support/sentinel.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';
import { faultsOf, RESYNC, ResumingClient, type Entry } from '../../support/transcript.js';
import { at, startClusterApp, type ClusterApp } from '../cluster/cluster-app.js';

/** How many schedules, for classic and for sharded channels each. */
const RUNS = Number(process.env.HISTORY ?? 12);
const SEED = 20_261_201;
const TTL_MS = 60_000;
/** The lists have all messages: they tell the order in which Redis published. */
const history = { 's.*': { size: 1_000, ttl: TTL_MS } };

const two = fc.nat(1);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delivered' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'cutAll' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('reload' as const, 'leave' as const),
      client: fc.nat(3),
      process: two,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('moveSlot' as const), to: fc.nat(2) }) },
);
const schedules = fc.array(step, { minLength: 8, maxLength: 25 });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What each step does. */
type Acts = { readonly [Name in Step['do']]: (it: Step & { readonly do: Name }) => unknown };

const pick = <T>(items: readonly T[], i: number): T => items[i % items.length] as T;

/** Gives the slot of a channel, and its list, to another node, as `redis-cli --cluster reshard` does. */
async function moveSlot(cluster: TestCluster, channel: string, to: ServerProcess): Promise<void> {
  const from = await cluster.ownerOf(channel);
  if (from === to) return;
  const slot = await from.client.cluster('KEYSLOT', channel);
  const ids = await Promise.all([to, from].map(({ client }) => client.cluster('MYID')));
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[1] ?? '');
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[0] ?? '');
  const migrate = async (): Promise<void> => {
    const keys = (await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
    for (const key of keys) await from.client.migrate('127.0.0.1', to.port, key, 0, 5_000);
  };
  await migrate();
  await to.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[0] ?? '');
  await from.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[0] ?? '');
  await cluster.settled();
}

/** Two processes that read, and one that publishes. */
interface World {
  readonly cluster: TestCluster;
  readonly publisher: ClusterApp;
  readonly readers: readonly ClusterApp[];
  readonly sharded: boolean;
  schedules: number;
  number: number;
}

async function startWorld(cluster: TestCluster, sharded: boolean): Promise<World> {
  const masters = await cluster.masters();
  const start = (node: ServerProcess): Promise<ClusterApp> =>
    startClusterApp({ connection: at(node), sharded, history });
  const publisher = await start(pick(masters, 0));
  const readers = [await start(pick(masters, 1)), await start(pick(masters, 2))];
  return { cluster, publisher, readers, sharded, schedules: 0, number: 0 };
}

/** Closes the subscriptions of all processes; with `isAll` their other connections, too. */
async function cut(cluster: TestCluster, isAll: boolean): Promise<void> {
  if (isAll) await cluster.killConnections();
  else {
    const nodes = cluster.nodes.filter(({ answers }) => answers);
    await Promise.all(nodes.map(({ client }) => client.call('CLIENT', 'KILL', 'TYPE', 'pubsub')));
  }
}

/** Runs one schedule. Returns what each client received, and what was published. */
async function run(world: World, steps: readonly Step[]) {
  const { cluster, publisher, readers, sharded } = world;
  const channel = `s.${sharded ? 'sharded' : 'classic'}-${++world.schedules}`;
  const clients = Array.from({ length: 4 }, () => new ResumingClient(channel, { sharded }));
  for (const [i, it] of clients.entries()) it.observe(pick(readers, i));
  await eventually(() => clients.every(({ outcomes }) => outcomes > 0));
  let pending: Promise<unknown>[] = [];
  const publish = (): void => {
    pending.push(publisher.service.publish(channel, ++world.number).catch(() => undefined));
  };
  /** One for each process, which stays: with it, all copies of one owner have arrived. */
  const witnesses = readers.map((it) => {
    const witness = new ResumingClient(channel, { sharded });
    witness.observe(it);
    return witness;
  });
  const delivered = async (): Promise<void> => {
    await Promise.all(pending);
    pending = [];
  };
  /** A message of the next owner may overtake one of the last owner: Redis keeps no order between nodes. */
  const arrived = async (): Promise<void> => {
    await delivered();
    await eventually(async () => {
      if (witnesses.every((it) => it.transcript.at(-1) === world.number)) return true;
      publish();
      await delivered();
      return false;
    });
  };
  const acts: Acts = {
    publish: ({ count }) => {
      for (let i = 0; i < count; i++) publish();
    },
    delivered,
    cut: () => cut(cluster, false),
    cutAll: () => cut(cluster, true),
    reload: ({ client, process }) => pick(clients, client).observe(pick(readers, process)),
    leave: ({ client }) => pick(clients, client).leave(),
    moveSlot: async ({ to }) => {
      await arrived();
      await moveSlot(cluster, channel, pick(await cluster.masters(), to));
    },
  };
  const byName = acts as Readonly<Record<string, (it: Step) => unknown>>;
  for (const it of steps) await byName[it.do]?.(it);
  await delivered();
  for (const [i, it] of clients.entries()) {
    it.outcomes = 0;
    it.observe(pick(readers, i));
  }
  await eventually(() => clients.every(({ outcomes }) => outcomes > 0));
  // A connection that was cut just now may lose the first of them, and say so.
  await eventually(async () => {
    if (clients.every((it) => it.transcript.at(-1) === world.number)) return true;
    publish();
    await delivered();
    return false;
  });
  const { messages } = await publisher.service.history<number>(channel, { sharded });
  const source = messages.map(({ data }) => data);
  for (const it of [...clients, ...witnesses]) it.leave();
  return clients.map(({ transcript }): { transcript: readonly Entry[]; source: number[] } => ({
    transcript,
    source,
  }));
}

describe('recovery in a Cluster', () => {
  const cluster = useCluster();
  afterEach(() => cluster().settled());

  it.each([false, true].slice(0, HAS_SHARDED ? 2 : 1))(
    `hands out each message once and in order, or says that some are missing, while slots move (sharded: %s)${IF_SHARDED}`,
    async (sharded) => {
      const world = await startWorld(cluster(), sharded);
      const found = { messages: 0, resyncs: 0 };
      const property = fc.asyncProperty(schedules, async (schedule) => {
        for (const { transcript, source } of await run(world, schedule)) {
          const faults = faultsOf(transcript, source);
          expect(faults).toEqual([]);
          found.messages += transcript.filter((it) => it !== RESYNC).length;
          found.resyncs += transcript.filter((it) => it === RESYNC).length;
        }
      });
      await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: true });
      expect(Math.min(found.messages, found.resyncs)).toBeGreaterThan(RUNS);
    },
    600_000,
  );

  it('a reader is told that messages are lost where the slot has moved, and goes on there', async () => {
    const { publisher, readers } = await startWorld(cluster(), false);
    const channel = 's.moved';
    await publisher.service.publish(channel, 1);
    const [client, witness] = [new ResumingClient(channel), new ResumingClient(channel)];
    client.observe(pick(readers, 0));
    witness.observe(pick(readers, 1));
    await eventually(() => client.outcomes === 1 && witness.outcomes === 1);
    await publisher.service.publish(channel, 2);
    await eventually(() => client.transcript.length === 2);
    client.leave();
    const owner = await cluster().ownerOf(channel);
    const to = (await cluster().masters()).find((it) => it !== owner) ?? owner;
    await moveSlot(cluster(), channel, to);
    await publisher.service.publish(channel, 3);
    // Its copy comes from another node.
    await eventually(() => witness.transcript.at(-1) === 3);
    client.observe(pick(readers, 1));
    await eventually(() => client.outcomes === 2);
    // The list has moved with all messages: this alone tells no reader so.
    expect(await to.client.llen(`_pubsub.history:{${channel}}`)).toBe(3);
    expect(client.transcript).toEqual([RESYNC, 2, RESYNC]);
    await publisher.service.publish(channel, 4);
    await eventually(() => client.transcript.at(-1) === 4);
    client.leave();
    await publisher.service.publish(channel, 5);
    client.observe(pick(readers, 0));
    await eventually(() => client.transcript.at(-1) === 5);
    expect(client.transcript).toEqual([RESYNC, 2, RESYNC, 4, 5]);
    // The first process learns of the new owner from its refusal to read.
    expect(readers.flatMap(({ log }) => log.of('error'))).toEqual([]);
  });
});
