import { afterEach, describe, expect, it } from 'vitest';
import {
  CommandRefusedError,
  NoSubscribersError,
  RedisPubSubRecordBuilder,
  type PubSubGap,
} from 'nestjs-redis-pubsub';
import { lastValueFrom } from 'rxjs';
import { useCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import type { ServerProcess } from '../../support/sentinel.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { handlerClass } from './sharded-handlers.js';
import { at, startClusterApp, type ClusterApp } from './cluster-app.js';
import { NumberedFlow } from './numbered-flow.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';

const CHANNELS = Array.from({ length: 20 }, (_, i) => `flow.${i}`);
const RATE = 200;
const publishBuffer = { maxMessages: 10_000, maxAge: 20_000 };
const heartbeat = { pingInterval: 200, pingTimeout: 1_000 };

describe.runIf(HAS_SHARDED)(`sharded Pub/Sub in a Cluster${IF_SHARDED}`, () => {
  const cluster = useCluster();
  afterEach(() => cluster().recover());

  /** Starts a publisher and a listener, and a flow of messages from one to the other. */
  async function startFlow(channels: readonly string[] = CHANNELS) {
    const [first, second] = await cluster().masters();
    const options = { sharded: true, publishBuffer, ...heartbeat };
    const publisher = await startClusterApp({ connection: at(first!), ...options });
    const listener = await startClusterApp({ connection: at(second!), ...options });
    const flow = new NumberedFlow(publisher.service, channels);
    await flow.listen(listener.service);
    flow.start(RATE);
    await flow.reachesEachChannel();
    return { publisher, listener, flow };
  }

  async function expectOnceInOrder(flow: NumberedFlow, ...apps: ClusterApp[]): Promise<void> {
    for (const app of apps) await app.becomes('connected');
    await flow.reachesEachChannel();
    await flow.stop();
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
    expect(flow.unexpected).toEqual([]);
    for (const channel of CHANNELS) {
      await eventually(async () => (await cluster().shardSubscribers(channel)) === 1);
    }
  }

  it('delivers each message once and in order during CLUSTER FAILOVER of each master in turn', async () => {
    const { publisher, listener, flow } = await startFlow();
    for (const master of await cluster().masters()) {
      await cluster().failOver(master);
      await flow.reachesEachChannel();
    }
    await expectOnceInOrder(flow, publisher, listener);
    expect(flow.failures.length).toBeLessThan(flow.count / 4);
  });

  it('delivers each message once and in order during a failover after a start without a Cluster', async () => {
    const [first] = await cluster().masters();
    const proxy = await startProxy(first!.port);
    await proxy.stop();
    const listener = await startClusterApp({
      connection: at({ port: proxy.port } as ServerProcess),
      sharded: true,
      onStart: 'background',
      startTimeout: 1,
    });
    await eventually(() => listener.log.of('error').some((it) => it.includes('without Redis')));
    await proxy.start();
    const publisher = await startClusterApp({ connection: at(first!), sharded: true });
    const flow = new NumberedFlow(publisher.service, CHANNELS.slice(0, 4));
    await flow.listen(listener.service);
    flow.start(1_000);
    await flow.reachesEachChannel();
    for (let round = 0; round < 2; round++) {
      for (const master of await cluster().masters()) {
        await cluster().failOver(master);
        await flow.reachesEachChannel();
      }
    }
    await flow.stop();
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
  });

  it('delivers in order the messages that are sent to a former master and then to its successor', async () => {
    const proxies = await Promise.all(cluster().nodes.map(({ port }) => startProxy(port)));
    const natMap = Object.fromEntries(
      cluster().nodes.map(({ port }, i) => [
        `127.0.0.1:${port}`,
        { host: '127.0.0.1', port: proxies[i]!.port },
      ]),
    );
    const [first] = await cluster().masters();
    const connection = { ...at(first!), options: { natMap } };
    const publisher = await startClusterApp({ connection, sharded: true, publishBuffer: false });
    const listener = await startClusterApp({ connection: at(first!), sharded: true });
    const flow = new NumberedFlow(publisher.service, CHANNELS);
    await flow.listen(listener.service);
    flow.start(2_000);
    await flow.reachesEachChannel();
    for (const master of await cluster().masters()) {
      // The publisher refreshes its topology late, and a former master still accepts messages.
      for (const proxy of proxies) proxy.hold(/CLUSTER/);
      const successor = await cluster().failOver(master);
      await eventually(async () => (await shardChannelsAt(successor)) > 0);
      for (const proxy of proxies) proxy.release();
      await flow.reachesEachChannel();
    }
    await flow.stop();
    expect(flow.failures).toEqual([]);
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
  });

  it('is refused over a connection to one node when another node owns the slot, with advice in the error', async () => {
    const [here, other] = await cluster().masters();
    const app = await startClusterApp({ connection: { host: '127.0.0.1', port: here!.port } });
    const sharded = { sharded: true };
    const own = await cluster().channelOf(here!, 'own');
    await app.service.subscribe(own, () => undefined, sharded);
    const foreign = await cluster().channelOf(other!, 'foreign');
    const refused = app.service.subscribe(foreign, () => undefined, sharded);
    await expect(refused).rejects.toBeInstanceOf(CommandRefusedError);
    await expect(refused).rejects.toThrow('connect with `{ nodes }`');
    await expect(app.service.publish(foreign, 1, sharded)).rejects.toThrow('`{ nodes }`');
  });

  it('delivers each message once and in order while a slot moves, and rejects none', async () => {
    const [from, to] = await cluster().masters();
    const channel = await cluster().channelOf(from!, 'slot');
    const { flow } = await startFlow([channel]);
    for (const owner of [to!, from!, to!, from!, to!, from!]) {
      await cluster().moveSlot(channel, owner);
      await flow.reachesEachChannel();
    }
    await flow.stop();
    expect(flow.failures).toEqual([]);
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
    await eventually(async () => (await cluster().shardSubscribers(channel)) === 1);
  });

  it('continues with the replica of a master that was killed', async () => {
    const { publisher, listener, flow } = await startFlow();
    const [, master] = await cluster().masters();
    await master!.kill();
    await listener.becomes('reconnecting');
    await expect(expectOnceInOrder(flow, publisher, listener)).resolves.toBeUndefined();
  });

  it('continues with the replica of a master that hangs', async () => {
    const { publisher, listener, flow } = await startFlow();
    const [, , master] = await cluster().masters();
    master!.hang();
    await listener.becomes('reconnecting');
    await listener.becomes('connected');
    await flow.reachesEachChannel();
    master!.resume();
    await cluster().settled();
    await publisher.becomes('connected');
    await flow.reachesEachChannel();
    await flow.stop();
    expect(flow.twice).toEqual([]);
    expect(flow.unexpected).toEqual([]);
  });

  it('calls onSubscribed with the gap when the slot of the channel has moved', async () => {
    const [from, to] = await cluster().masters();
    const channel = await cluster().channelOf(from!, 'gap');
    const { service } = await startClusterApp({ connection: at(from!), sharded: true });
    const gaps: unknown[] = [];
    service.observe(channel, { onSubscribed: (gap) => gaps.push(gap) }).subscribe();
    await eventually(() => gaps.length === 1);
    await cluster().moveSlot(channel, to!);
    await eventually(() => gaps.length === 2);
    expect(gaps).toEqual([undefined, { from: expect.any(Date), to: expect.any(Date) }]);
  });

  it.each([
    ['the default protocol', {}],
    ['RESP2', { options: { redisOptions: { protocol: 2 } } }],
  ] as const)(
    'with %s subscribes again when Redis ended a subscription although the owner of its slot did not change',
    async (_, own) => {
      const [owner] = await cluster().masters();
      const channel = await cluster().channelOf(owner!, 'blink');
      const { service } = await startClusterApp({
        connection: { ...at(owner!), ...own },
        sharded: true,
      });
      const gaps: unknown[] = [];
      service.observe(channel, { onSubscribed: (gap) => gaps.push(gap) }).subscribe();
      await eventually(() => gaps.length === 1);
      await cluster().blinkSlot(channel);
      await eventually(() => gaps.length === 2);
      expect(await service.publish(channel, 'x')).toBe(1);
    },
  );

  it('reports a gap from the moment when Redis ended the subscription, even if the connection is lost later', async () => {
    const [owner] = await cluster().masters();
    const channel = await cluster().channelOf(owner!, 'unconfirmed');
    const { service } = await startClusterApp({
      connection: at(owner!),
      sharded: true,
      pingInterval: 5,
    });
    const gaps: (PubSubGap | undefined)[] = [];
    service.observe(channel, { onSubscribed: (gap) => gaps.push(gap) }).subscribe();
    await eventually(() => gaps.length === 1);
    const blinking = cluster().blinkSlot(channel);
    await eventually(async () => (await cluster().shardSubscribers(channel)) === 0);
    const ended = new Date();
    // Each PING confirms that the connection works, but not that the channel is subscribed.
    await cluster().pings(owner!, 10);
    await cluster().killConnections();
    await eventually(() => gaps.length === 2);
    expect(gaps[1]?.from.getTime()).toBeLessThanOrEqual(ended.getTime());
    await blinking;
  });

  it('subscribes to a probe channel at each master, and unsubscribes it at a former one', async () => {
    const [first] = await cluster().masters();
    const { service } = await startClusterApp({
      connection: at(first!),
      sharded: true,
      probeInterval: 50,
    });
    for (const channel of CHANNELS) await service.subscribe(channel, () => undefined);
    const probes = async (): Promise<number> => {
      const names = await service.channels('*');
      expect(names.filter((name) => !name.startsWith('flow.'))).toEqual([]);
      return cluster().shardChannels('_pubsub.probe.*');
    };
    await eventually(async () => (await probes()) === 3);
    for (const master of await cluster().masters()) await cluster().failOver(master);
    await eventually(async () => (await probes()) === 3);
    for (const channel of CHANNELS) {
      await eventually(async () => (await cluster().shardSubscribers(channel)) === 1);
    }
    expect(await probes()).toBe(3);
  });

  it('delivers events and requests, and rejects with NoSubscribersError without subscribers', async () => {
    const [first, second] = await cluster().masters();
    const received: unknown[] = [];
    const handlers = handlerClass((data) => received.push(data));
    await startClusterApp({ connection: at(first!), sharded: true }, { controllers: [handlers] });
    const { client } = await startClusterApp({ connection: at(second!), sharded: true });
    expect(await lastValueFrom(client.emit('user.created', 'Ada'))).toBe(1);
    await eventually(() => received.length === 1);
    expect(await lastValueFrom(client.send('user.greet', 'Ada'))).toBe('Hello, Ada');
    await expect(lastValueFrom(client.send('none', 1))).rejects.toBeInstanceOf(NoSubscribersError);
    // Not sharded: the handler does not receive it.
    const classic = new RedisPubSubRecordBuilder('x').setSharded(false).build();
    expect(await lastValueFrom(client.emit('user.created', classic))).toBe(0);
  });

  it('delivers the first sharded request of a client without the sharded option', async () => {
    const [first] = await cluster().masters();
    const connection = at(first!);
    const handlers = handlerClass(() => undefined);
    await startClusterApp({ connection, sharded: true }, { controllers: [handlers] });
    const { client } = await startClusterApp({ connection });
    const ask = (name: string): Promise<unknown> => {
      const data = new RedisPubSubRecordBuilder(name).setSharded().build();
      return lastValueFrom(client.send('user.greet', data));
    };
    const greetings = await Promise.all(['Ada', 'Eve'].map(ask));
    expect(greetings).toEqual(['Hello, Ada', 'Hello, Eve']);
    expect(await ask('Ida')).toBe('Hello, Ida');
  });

  it('rejects the first sharded request of a client at once while the Cluster is down', async () => {
    const proxy = await startProxy(cluster().nodes[0]!.port);
    const natMap = (): { host: string; port: number } => ({ host: '127.0.0.1', port: proxy.port });
    const connection = { nodes: [{ host: '127.0.0.1', port: proxy.port }], options: { natMap } };
    const { client, becomes } = await startClusterApp({ connection });
    await proxy.stop();
    await becomes('reconnecting');
    const data = new RedisPubSubRecordBuilder('Ada').setSharded().setTimeout(0).build();
    await expect(lastValueFrom(client.send('user.greet', data))).rejects.toThrow(
      'Cannot send a request: not connected',
    );
  });

  it('delivers requests between masters that are up while another one is down', async () => {
    const handlers = handlerClass(() => undefined);
    const connection = { nodes: cluster().startupNodes };
    const options = { connection, sharded: true, ...heartbeat };
    await startClusterApp(options, { controllers: [handlers] });
    const { client, becomes } = await startClusterApp(options);
    const greet = (): Promise<unknown> => lastValueFrom(client.send('user.greet', 'Ada'));
    expect(await greet()).toBe('Hello, Ada');
    const owner = await cluster().ownerOf('user.greet');
    for (const master of await cluster().masters()) {
      if (master === owner || (await shardChannelsAt(master, '_pubsub.inbox.*')) > 0) continue;
      master.hang();
      break;
    }
    await becomes('reconnecting');
    expect(await greet()).toBe('Hello, Ada');
  });

  it('opens a publisher and a subscriber at each master, one publisher for classic channels, and no more', async () => {
    const before = await cluster().connections();
    const app = await startClusterApp({ connection: at(cluster().nodes[0]!), sharded: true });
    const publishers = app.publisherPorts();
    expect((await cluster().connections()).length - before.length).toBeGreaterThanOrEqual(7);
    expect(publishers).toHaveLength(6);
    await app.app.close();
    await eventually(async () => (await cluster().connections()).length <= before.length);
  });
});

async function shardChannelsAt({ client }: ServerProcess, glob = 'flow.*'): Promise<number> {
  return ((await client.call('PUBSUB', 'SHARDCHANNELS', glob)) as unknown[]).length;
}
