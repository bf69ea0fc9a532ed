import { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Access } from './access.js';
import { BareSubscriber } from './bare-subscriber.js';
import { DETACHED } from './cluster-faults.js';
import { portOf } from './cluster-places.js';
import { ClusterTopology } from './cluster-topology.js';
import { pastEveryDeadline } from './durations.js';
import type { Publication } from './ledger.js';
import { Scenario } from './scenario.js';
import type { SubjectOptions } from './subject.js';
import { faultOf } from './topology.js';
import { until } from './until.js';

const CHANNEL = 'chaos.literal';

/** Each fault once more, without what keeps this library from it, and at its side. */
describe('a Cluster, and the faults are real', () => {
  let redis: ClusterTopology;
  const clients: (Redis | Cluster)[] = [];
  beforeAll(async () => {
    redis = await ClusterTopology.start();
  });
  afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));
  afterAll(() => redis.stop());

  const startTwin = async (access: Access, channel = CHANNEL): Promise<BareSubscriber> => {
    const twin = await BareSubscriber.start(access, channel);
    clients.push(twin.client);
    return twin;
  };

  /** A Cluster client whose subscriber is at this node: ioredis lets chance decide. */
  const startTwinAt = async (node: { host: string; port: number }): Promise<BareSubscriber> => {
    let twin: BareSubscriber | undefined;
    await until('the twin is at the node of the application', async () => {
      twin?.close();
      twin = await startTwin({ nodes: [node] });
      const [, count] = await redis.cluster.nodeAt(node.port).client.pubsub('NUMSUB', CHANNEL);
      return count === 2;
    });
    if (!twin) throw new Error('There is no twin');
    return twin;
  };

  const listenAtOwner = async (channel: string): Promise<Redis> => {
    const { port } = await redis.cluster.ownerOf(channel);
    const client = new Redis(port);
    clients.push(client);
    await client.ssubscribe(channel);
    return client;
  };

  const receivers = async (channel: string): Promise<number> => {
    const { client } = await redis.cluster.ownerOf(channel);
    return Number(await client.spublish(channel, 'twin'));
  };

  it('[ioredis] loses what Redis accepted, and says nothing at all, after CLIENT KILL', async () => {
    await Scenario.run(redis, async (scenario) => {
      const twin = await startTwin(redis.connection);
      const first = next(scenario);
      await until('the twin hears', () => twin.hears(first));
      let lost: Publication[] = [];
      // It is back so soon that it may miss nothing.
      await until('the twin loses something', async () => {
        const before = next(scenario);
        for (const node of redis.nodes()) await node.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
        const after = next(scenario);
        await until('the twin hears again', () => twin.hears(after));
        const isBetween = ({ number }: Publication) => number >= before && number < twin.last;
        lost = missedBy(twin, scenario).filter(isBetween);
        return lost.length > 0;
      });
      expect(lost).not.toEqual([]);
      expect(twin.events).toEqual([]);
      await scenario.hearsFromNowOn();
      twin.close();
    });
  });

  it('[ioredis] publishes at another node each time, so that messages overtake each other', async () => {
    const channel = 'twin.order';
    const twin = await startTwin({ port: redis.cluster.nodes[0]?.port }, channel);
    const publisher = new Cluster(redis.connection.nodes);
    clients.push(publisher);
    const isDisordered = (): boolean =>
      twin.heard.some((number, i) => Number(number) < Number(twin.heard[i - 1]));
    let number = 0;
    await until('one message overtakes another', async () => {
      await publisher.publish(channel, String(number++));
      return isDisordered();
    });
    expect(isDisordered()).toBe(true);
  });

  it.each([
    'graceful failover of the master of the subscriber',
    'graceful failover of the master of the publisher',
    'slots of the channels moved',
  ])('[ioredis with SSUBSCRIBE] is ready and deaf after it: %s', async (name) => {
    await Scenario.run(redis, async (scenario) => {
      const masters = await redis.cluster.masters();
      const channels = [CHANNEL];
      for (const master of masters) channels.push(await redis.cluster.channelOf(master, 'twin'));
      const twins = await Promise.all(channels.map((channel) => listenAtOwner(channel)));
      await scenario.strike(faultOf(redis, name));
      expect(await Promise.all(channels.map((channel) => receivers(channel)))).toContain(0);
      expect(twins.map(({ status }) => status)).toEqual(channels.map(() => 'ready'));
      await scenario.hearsFromNowOn();
      for (const twin of twins) twin.disconnect();
    });
  });

  it.each([
    'killed master of the subscriber',
    'killed master of the subscriber, with a hung replica',
  ])('[ioredis at one node] is deaf when the application hears again: %s', async (name) => {
    await Scenario.run(redis, async (scenario) => {
      const twin = await startTwin(await nodeOfSubscriber(scenario));
      const { strike } = await scenario.strike(faultOf(redis, name));
      const moved = next(scenario);
      await scenario.hearsFromNowOn();
      expect(twin.hears(moved)).toBe(false);
      twin.close();
      await strike.cleanUp?.();
    });
  });

  it.each(['hung master of the subscriber', DETACHED])(
    '[ioredis] is ready and deaf when the application hears again: %s',
    async (name) => {
      await Scenario.run(redis, async (scenario) => {
        const twin = await startTwinAt(await nodeOfSubscriber(scenario));
        const { strike } = await scenario.strike(faultOf(redis, name));
        const moved = next(scenario);
        await scenario.hearsFromNowOn();
        expect(twin.client.status).toBe('ready');
        expect(twin.events).toEqual([]);
        expect(twin.hears(moved)).toBe(false);
        twin.close();
        await strike.cleanUp?.();
      });
    },
  );

  const NEVER = 3_600_000;

  it.each<[string, string, SubjectOptions]>([
    ['PING', 'hung master of the subscriber', { pingInterval: NEVER, probeInterval: 0 }],
    ['a probe', DETACHED, { probeInterval: 0 }],
  ])(
    '[without %s, and without asking for the nodes] stays connected and deaf: %s',
    async (_, name, options) => {
      await Scenario.run(
        redis,
        async (scenario) => {
          const strike = await faultOf(redis, name).strike(scenario);
          const after = next(scenario);
          await pastEveryDeadline();
          const ears = scenario.subject.ears.filter(({ lane }) =>
            scenario.lanes.plain.includes(lane),
          );
          expect(scenario.subject.status).toBe('connected');
          expect(ears.every((ear) => ear.last <= after)).toBe(true);
          await strike.cleanUp?.();
        },
        { connection: redis.fixedConnection, ...options },
      );
    },
  );
});

/** What Redis accepted on the channel that a twin listens to, and the twin has not heard. */
function missedBy({ heard }: BareSubscriber, { lanes }: Scenario): Publication[] {
  return [...(lanes.plain[0]?.publications.values() ?? [])].filter(
    ({ number, outcome }) => outcome === 'accepted' && !heard.includes(`{"number":${number}}`),
  );
}

/** The number that the next message of the channel will have. */
const next = ({ lanes }: Scenario): number => lanes.plain[0]?.next ?? 0;

async function nodeOfSubscriber(scenario: Scenario) {
  return { host: '127.0.0.1', port: await portOf('subscriber', scenario) };
}
