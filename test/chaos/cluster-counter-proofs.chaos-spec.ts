import { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ClusterTopology } from '../support/faults/cluster-topology.js';
import type { ConnectionOptions } from '../support/faults/connection-options.js';
import { eventually } from '../support/redis.js';
import { killSubscribers } from '../support/faults/kill-subscribers.js';
import { NumberedChannel, type Publication } from '../support/faults/numbered-channel.js';
import { portOf } from './application-nodes.js';
import type { ApplicationOptions } from './application.js';
import { clusterFaults, DETACHED } from './cluster-faults.js';
import { pastEveryDeadline } from './durations.js';
import { findFault, type Fault } from './fault.js';
import { firstChannel } from './first-channel.js';
import { IoredisSubscriber } from './ioredis-subscriber.js';
import { Scenario } from './scenario.js';

const NEVER = 3_600_000;

/** Each fault does harm without the feature of this package that handles it. */
describe('counter-proofs for a Cluster', () => {
  let redis: ClusterTopology;
  const clients: (Redis | Cluster)[] = [];
  beforeAll(async () => {
    redis = await ClusterTopology.start();
  });
  afterEach(() => clients.splice(0).forEach((client) => client.disconnect()));
  afterAll(() => redis.stop());

  const faultOf = (name: string): Fault => findFault(clusterFaults(redis), name);

  const subscribe = async (
    connection: ConnectionOptions,
    channel: NumberedChannel,
  ): Promise<IoredisSubscriber> => {
    const subscriber = await IoredisSubscriber.start(connection, channel);
    clients.push(subscriber.client);
    return subscriber;
  };

  /** Subscribes until the subscriber is at this node: ioredis chooses a node at random. */
  const subscribeAt = async (
    node: { host: string; port: number },
    channel: NumberedChannel,
  ): Promise<IoredisSubscriber> => {
    let subscriber: IoredisSubscriber | undefined;
    await eventually(async () => {
      subscriber?.close();
      subscriber = await subscribe({ nodes: [node] }, channel);
      const { client } = redis.cluster.nodeAt(node.port);
      const [, count] = await client.pubsub('NUMSUB', channel.name);
      return count === 2;
    }, 'ioredis is at the node of the application');
    if (!subscriber) throw new Error('There is no subscriber');
    return subscriber;
  };

  const subscribeAtOwner = async (channel: string): Promise<Redis> => {
    const { port } = await redis.cluster.ownerOf(channel);
    const client = new Redis(port);
    clients.push(client);
    await client.ssubscribe(channel);
    return client;
  };

  const receivers = async (channel: string): Promise<number> => {
    const { client } = await redis.cluster.ownerOf(channel);
    return Number(await client.spublish(channel, 'counter-proof'));
  };

  it('[ioredis] loses accepted messages without an event after CLIENT KILL', async () => {
    await Scenario.run(redis, async (scenario) => {
      const channel = firstChannel(scenario);
      const subscriber = await subscribe(redis.connection, channel);
      const first = channel.next;
      await eventually(() => subscriber.receives(first), 'ioredis receives');
      let lost: Publication[] = [];
      // ioredis may subscribe again between two messages, and lose nothing.
      await eventually(async () => {
        const before = channel.next;
        await killSubscribers(redis.nodes());
        const after = channel.next;
        await eventually(() => subscriber.receives(after), 'ioredis receives again');
        const { recorder } = subscriber;
        lost = recorder.lost(recorder.last).filter(({ number }) => number >= before);
        return lost.length > 0;
      }, 'ioredis loses a message');
      expect(lost).not.toEqual([]);
      expect(subscriber.events).toEqual([]);
      await scenario.receivesFromNowOn();
      subscriber.close();
    });
  });

  it('[ioredis] publishes at a random node, so a message overtakes an earlier one', async () => {
    const channel = new NumberedChannel('counter-proof.order');
    const subscriber = await subscribe({ port: redis.cluster.nodes[0]?.port }, channel);
    const publisher = new Cluster(redis.connection.nodes);
    clients.push(publisher);
    const isDisordered = (): boolean =>
      subscriber.recorder.violations().some((violation) => violation.includes('came after'));
    await eventually(async () => {
      await channel.publish((number) =>
        publisher.publish(channel.name, JSON.stringify({ number })),
      );
      return isDisordered();
    }, 'one message overtakes another');
    expect(isDisordered()).toBe(true);
  });

  it.each([
    'graceful failover of the master of the subscriber',
    'graceful failover of the master of the publisher',
    'slots of the channels moved',
  ])('[ioredis with SSUBSCRIBE] is ready and deaf after the fault: %s', async (name) => {
    await Scenario.run(redis, async (scenario) => {
      const channels = [firstChannel(scenario).name];
      for (const master of await redis.cluster.masters()) {
        channels.push(await redis.cluster.channelOf(master, 'counter-proof'));
      }
      const subscribers = await Promise.all(channels.map((channel) => subscribeAtOwner(channel)));
      await scenario.inject(faultOf(name));
      expect(await Promise.all(channels.map((channel) => receivers(channel)))).toContain(0);
      expect(subscribers.map(({ status }) => status)).toEqual(channels.map(() => 'ready'));
      await scenario.receivesFromNowOn();
      for (const subscriber of subscribers) subscriber.disconnect();
    });
  });

  it.each([
    'killed master of the subscriber',
    'killed master of the subscriber, with a hung replica',
  ])('[ioredis at one node] is deaf when the application has recovered: %s', async (name) => {
    await Scenario.run(redis, async (scenario) => {
      const channel = firstChannel(scenario);
      const subscriber = await subscribe(await nodeOfSubscriber(scenario), channel);
      const { injection } = await scenario.inject(faultOf(name));
      const { next } = channel;
      await scenario.receivesFromNowOn();
      expect(subscriber.receives(next)).toBe(false);
      subscriber.close();
      await injection.cleanUp?.();
    });
  });

  it.each(['hung master of the subscriber', DETACHED])(
    '[ioredis] is ready and deaf when the application has recovered: %s',
    async (name) => {
      await Scenario.run(redis, async (scenario) => {
        const channel = firstChannel(scenario);
        const subscriber = await subscribeAt(await nodeOfSubscriber(scenario), channel);
        const { injection } = await scenario.inject(faultOf(name));
        const { next } = channel;
        await scenario.receivesFromNowOn();
        expect(subscriber.client.status).toBe('ready');
        expect(subscriber.events).toEqual([]);
        expect(subscriber.receives(next)).toBe(false);
        subscriber.close();
        await injection.cleanUp?.();
      });
    },
  );

  it.each<[string, string, ApplicationOptions]>([
    ['PING', 'hung master of the subscriber', { pingInterval: NEVER, probeInterval: 0 }],
    ['a delivery probe', DETACHED, { probeInterval: 0 }],
  ])('[without %s and topology refresh] stays connected and deaf: %s', async (_, name, options) => {
    await Scenario.run(
      redis,
      async (scenario) => {
        const injection = await faultOf(name).inject(scenario);
        const { next } = firstChannel(scenario);
        await pastEveryDeadline();
        const { status, recorders } = scenario.application;
        expect(status).toBe('connected');
        const ofPlain = recorders.filter((it) => scenario.channels.plain.includes(it.channel));
        expect(ofPlain.every(({ last }) => last <= next)).toBe(true);
        await injection.cleanUp?.();
      },
      { connection: redis.fixedConnection, ...options },
    );
  });
});

async function nodeOfSubscriber(scenario: Scenario) {
  return { host: '127.0.0.1', port: await portOf('subscriber', scenario) };
}
