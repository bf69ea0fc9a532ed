import { afterEach, describe, expect, inject, it } from 'vitest';
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

const CHANNELS = Array.from({ length: 20 }, (_, i) => `flow.${i}`);
const RATE = 200;
const publishBuffer = { maxMessages: 10_000, maxAge: 20_000 };
const watched = { pingInterval: 200, pingTimeout: 200 };

describe.runIf(inject('hasSharded'))('sharded Pub/Sub in a Cluster', () => {
  const cluster = useCluster();
  afterEach(() => cluster().recover());

  /** A publisher and a listener, and a flow from one to the other that comes through. */
  async function flowing(channels: readonly string[] = CHANNELS) {
    const [first, second] = await cluster().masters();
    const options = { sharded: true, publishBuffer, ...watched };
    const publisher = await startClusterApp({ connection: at(first!), ...options });
    const listener = await startClusterApp({ connection: at(second!), ...options });
    const flow = new NumberedFlow(publisher.service, channels);
    await flow.listen(listener.service);
    flow.start(RATE);
    await flow.comesThrough();
    return { publisher, listener, flow };
  }

  async function assertWell(flow: NumberedFlow, ...apps: ClusterApp[]): Promise<void> {
    for (const app of apps) await app.becomes('connected');
    await flow.comesThrough();
    await flow.stop();
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
    expect(flow.unexpected).toEqual([]);
    for (const channel of CHANNELS) {
      await eventually(async () => (await cluster().shardSubscribers(channel)) === 1);
    }
  }

  it('hears a graceful failover of each master in turn, in order and once', async () => {
    const { publisher, listener, flow } = await flowing();
    for (const master of await cluster().masters()) {
      await cluster().failOver(master);
      await flow.comesThrough();
    }
    await assertWell(flow, publisher, listener);
    expect(flow.failures.length).toBeLessThan(RATE);
  });

  it('hears a failover in order and once after a start without a Cluster, too', async () => {
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
    await flow.comesThrough();
    for (let round = 0; round < 2; round++) {
      for (const master of await cluster().masters()) {
        await cluster().failOver(master);
        await flow.comesThrough();
      }
    }
    await flow.stop();
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
  });

  it('hears in order what is sent to a former master, and then to its successor', async () => {
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
    await flow.comesThrough();
    for (const master of await cluster().masters()) {
      // The publisher learns of it late, and a former master takes whatever it is sent.
      for (const proxy of proxies) proxy.hold(/CLUSTER/);
      const successor = await cluster().failOver(master);
      await eventually(async () => (await shardChannelsAt(successor)) > 0);
      for (const proxy of proxies) proxy.release();
      await flow.comesThrough();
    }
    await flow.stop();
    expect(flow.failures).toEqual([]);
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
  });

  it('is refused over a connection to one node where another has the slot, in words', async () => {
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

  it('follows a slot that moves under load: nothing is shuffled, doubled or refused', async () => {
    const [from, to] = await cluster().masters();
    const channel = await cluster().channelOf(from!, 'slot');
    const { flow } = await flowing([channel]);
    for (const owner of [to!, from!, to!, from!, to!, from!]) {
      await cluster().moveSlot(channel, owner);
      await flow.comesThrough();
    }
    await flow.stop();
    expect(flow.failures).toEqual([]);
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
    await eventually(async () => (await cluster().shardSubscribers(channel)) === 1);
  });

  it('goes on with the replica of a master that was killed', async () => {
    const { publisher, listener, flow } = await flowing();
    const [, master] = await cluster().masters();
    await master!.kill();
    await listener.becomes('reconnecting');
    await expect(assertWell(flow, publisher, listener)).resolves.toBeUndefined();
  });

  it('goes on with the replica of a master that hangs', async () => {
    const { publisher, listener, flow } = await flowing();
    const [, , master] = await cluster().masters();
    master!.hang();
    await listener.becomes('reconnecting');
    await listener.becomes('connected');
    await flow.comesThrough();
    master!.resume();
    await cluster().settled();
    await publisher.becomes('connected');
    await flow.comesThrough();
    await flow.stop();
    expect(flow.twice).toEqual([]);
    expect(flow.unexpected).toEqual([]);
  });

  it('tells observers of the gap when their slot has moved', async () => {
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

  it('subscribes again what Redis has ended although its slot is where it was', async () => {
    const [owner] = await cluster().masters();
    const channel = await cluster().channelOf(owner!, 'blink');
    const { service } = await startClusterApp({ connection: at(owner!), sharded: true });
    const gaps: unknown[] = [];
    service.observe(channel, { onSubscribed: (gap) => gaps.push(gap) }).subscribe();
    await eventually(() => gaps.length === 1);
    await cluster().blinkSlot(channel);
    await eventually(() => gaps.length === 2);
    expect(await service.publish(channel, 'x')).toBe(1);
  });

  it('tells of a gap from where Redis ended a channel, although the connection was lost after that', async () => {
    const [owner] = await cluster().masters();
    const channel = await cluster().channelOf(owner!, 'doubt');
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
    // Each is a proof that the connection works, and none that the channel is heard.
    await cluster().pings(owner!, 10);
    await cluster().killConnections();
    await eventually(() => gaps.length === 2);
    expect(gaps[1]?.from.getTime()).toBeLessThanOrEqual(ended.getTime());
    await blinking;
  });

  it('is probed at each master, and leaves no probe behind at a former one', async () => {
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

  it('carries events and requests, and knows that nobody is there', async () => {
    const [first, second] = await cluster().masters();
    const heard: unknown[] = [];
    const handlers = handlerClass((data) => heard.push(data));
    await startClusterApp({ connection: at(first!), sharded: true }, { controllers: [handlers] });
    const { client } = await startClusterApp({ connection: at(second!), sharded: true });
    expect(await lastValueFrom(client.emit('user.created', 'Ada'))).toBe(1);
    await eventually(() => heard.length === 1);
    expect(await lastValueFrom(client.send('user.greet', 'Ada'))).toBe('Hello, Ada');
    await expect(lastValueFrom(client.send('nobody', 1))).rejects.toBeInstanceOf(
      NoSubscribersError,
    );
    // Not sharded: the handler is not among those who hear it.
    const classic = new RedisPubSubRecordBuilder('x').setSharded(false).build();
    expect(await lastValueFrom(client.emit('user.created', classic))).toBe(0);
  });

  it('carries the sharded request of a client that has not asked for anything sharded before', async () => {
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

  it('fails the first sharded request of a client at once while the Cluster is away', async () => {
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

  it('carries requests between masters that are there while another one is not', async () => {
    const handlers = handlerClass(() => undefined);
    const connection = { nodes: cluster().startupNodes };
    const options = { connection, sharded: true, ...watched };
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

  it('has a subscriber at each master and one connection to publish classically, and no more', async () => {
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
