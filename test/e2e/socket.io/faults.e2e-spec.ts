import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdapter as createRedisAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { describe, expect, it } from 'vitest';
import type { SocketGap } from 'nestjs-redis-pubsub/socket.io';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/eventually.js';
import { useRedis } from '../../support/redis.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { connectClient, startGateway, type TestClient } from './gateway-app.js';

const HEARTBEAT = { pingInterval: 50, pingTimeout: 1_000 };
const redis = useRedis([]);

/** The gaps that a client was told of. */
const gapsOf = ({ events }: TestClient) =>
  events.filter(([name]) => name === 'gap').map(([, gap]) => gap as Record<string, unknown>);

/** Faults of the connections of one instance. Each ends with a connection that works. */
const FAULTS: Readonly<Record<string, (proxy: TcpProxy) => Promise<void> | void>> = {
  'connections that are cut': (proxy) => proxy.cut(),
  'a server that is away for a while': async (proxy) => {
    await proxy.stop();
    await proxy.start();
  },
  'connections that are half-open': (proxy) => {
    proxy.swallow();
    proxy.forward();
  },
  'connections that lose what Redis sends': (proxy) => {
    proxy.swallow(['toClient']);
    proxy.forward();
  },
};

describe.each([
  ['one channel for a namespace', {}],
  ['channels for rooms', { roomChannels: (room: string) => room.startsWith('room') }],
])('with %s,', (_, options) => {
  it.each(Object.entries(FAULTS))(
    'sockets hear broadcasts after %s, and learn of the gap',
    async (__, strike) => {
      const proxy = await startProxy(redis.port);
      const one = await startGateway({ connection: redis.url });
      const two = await startGateway({ connection: proxy.url, ...HEARTBEAT }, options);
      const [ada, bob] = [await one.connect(), await two.connect()];
      await bob.socket.emitWithAck('join', 'room.1');
      const before = Date.now();
      await strike(proxy);
      await eventually(() => gapsOf(bob).length > 0);
      const [gap] = gapsOf(bob);
      expect(gap).toMatchObject({ recovered: false });
      expect(Date.parse(String(gap?.from))).toBeLessThanOrEqual(Date.now());
      expect(Date.parse(String(gap?.to))).toBeGreaterThanOrEqual(before);
      // One instance without room channels publishes to all.
      one.io.emit('after');
      await bob.receives('after');
      await eventually(() => {
        two.io.emit('from two');
        return ada.events.length > 0 && ada.events.at(-1)?.[0] === 'from two';
      });
      expect(gapsOf(ada)).toEqual([]);
    },
  );
});

/** An instance whose connections a test controls, and a client. */
async function startBehindProxy(options: Parameters<typeof startGateway>[1] = {}) {
  const proxy = await startProxy(redis.port);
  const two = await startGateway(
    { connection: proxy.url, publishBuffer: false, ...HEARTBEAT },
    options,
  );
  return { proxy, two, bob: await two.connect() };
}

describe('an outage', () => {
  it('is told to a function, with the rooms whose channels it concerned', async () => {
    const gaps: SocketGap[] = [];
    const { proxy, bob } = await startBehindProxy({
      roomChannels: (room) => room.startsWith('room'),
      onGap: (gap) => gaps.push(gap),
    });
    await bob.socket.emitWithAck('join', 'room.1');
    proxy.cut();
    await eventually(() => gaps.length > 0);
    expect(gaps[0]).toEqual({
      namespace: '/',
      rooms: undefined,
      from: expect.any(Date) as Date,
      to: expect.any(Date) as Date,
    });
    expect(gapsOf(bob)).toEqual([]);
  });

  it('disconnects the sockets if the option says so, and clients connect again by themselves', async () => {
    const { proxy, two, bob } = await startBehindProxy({ onGap: 'disconnect' });
    const reasons: string[] = [];
    bob.socket.on('disconnect', (reason) => reasons.push(reason));
    const { id } = bob.socket;
    proxy.cut();
    await eventually(() => reasons.length === 1);
    await eventually(() => bob.socket.connected && bob.socket.id !== id);
    expect(reasons).toEqual(['transport close']);
    expect(two.log.of('warn')).toContainEqual(
      expect.stringMatching(
        /^Closed the connections of 1 sockets in the namespace "\/": they may have missed broadcasts since 2/,
      ),
    );
    two.io.emit('again');
    await bob.receives('again');
  });

  it('is not told with "ignore"', async () => {
    const { proxy, two, bob } = await startBehindProxy({ onGap: 'ignore' });
    proxy.cut();
    await eventually(async () => (await two.io.of('/').adapter.serverCount()) === 1);
    two.io.emit('after');
    await bob.receives('after');
    expect(bob.events).toEqual([['after']]);
    expect(bob.socket.connected).toBe(true);
  });

  it('logs the error of a function, and goes on', async () => {
    const { proxy, two, bob } = await startBehindProxy({
      onGap: () => Promise.reject(new Error('broken hook')),
    });
    proxy.cut();
    await eventually(() => two.log.of('error').some((line) => line.includes('broken hook')));
    two.io.emit('after');
    await bob.receives('after');
    expect(gapsOf(bob)).toEqual([]);
  });

  it('fails what needs the other instances, and serves the sockets of this one', async () => {
    const { proxy, two, bob } = await startBehindProxy();
    await proxy.stop();
    await eventually(async () => (await two.io.of('/').adapter.serverCount()) === Infinity);
    two.io.emit('local news');
    await bob.receives('local news');
    await bob.socket.emitWithAck('join', 'room.local');
    two.io.to('room.local').emit('room news');
    await bob.receives('room news');
    const error = { code: 'ERR_PUBSUB_CONNECTION' };
    await expect(two.io.fetchSockets()).rejects.toMatchObject(error);
    await expect(two.io.serverSideEmitWithAck('ask')).rejects.toMatchObject(error);
    await expect(two.io.timeout(50).emitWithAck('ask')).rejects.toThrow('timed out');
    expect(await two.io.local.fetchSockets()).toHaveLength(1);
    await eventually(() =>
      two.log
        .of('error')
        .some((line) =>
          line.startsWith('A message to the other servers of the Socket.IO namespace "/" failed: '),
        ),
    );
  });
});

describe('broadcasts that an instance cannot publish', () => {
  it.each([
    ['all sockets', [], true, true],
    ['a room', ['room.1'], true, false],
  ])(
    'are told to the other instances when it is back: to %s',
    async (_, rooms, adaIsTold, eveIsTold) => {
      const proxy = await startProxy(redis.port);
      const two = await startGateway({ connection: proxy.url, publishBuffer: false });
      const one = await startGateway({ connection: redis.url });
      const [ada, eve] = [await one.connect(), await one.connect()];
      await ada.socket.emitWithAck('join', 'room.1');
      await proxy.stop();
      await eventually(async () => (await two.io.of('/').adapter.serverCount()) === Infinity);
      const before = Date.now();
      two.io.to(rooms).emit('lost');
      await proxy.start();
      await eventually(async () => (await two.io.of('/').adapter.serverCount()) === 2);
      await eventually(() => gapsOf(ada).length > 0);
      two.io.emit('after');
      await eve.receives('after');
      expect([gapsOf(ada).length > 0, gapsOf(eve).length > 0]).toEqual([adaIsTold, eveIsTold]);
      expect(Date.parse(String(gapsOf(ada)[0]?.from))).toBeGreaterThanOrEqual(before);
    },
  );
});

describe('without the heartbeat of this package', () => {
  it('a half-open connection leaves the sockets of another adapter deaf, and tells them nothing', async () => {
    const proxy = await startProxy(redis.port);
    const clients = [0, 1].map(() => new Redis(proxy.url).on('error', () => undefined));
    for (const client of clients) {
      closeAfterTest(async () => client.disconnect());
      // Its close would wait for answers that do not arrive.
      Object.assign(client, { punsubscribe: async () => 0, unsubscribe: async () => 0 });
    }
    const http = createServer();
    const [publisher, subscriber] = clients as [Redis, Redis];
    const io = new Server(http, { adapter: createRedisAdapter(publisher, subscriber) });
    closeAfterTest(() => io.close());
    await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const theirs = await connectClient(url);
    await eventually(async () => Number(await redis.client.pubsub('NUMPAT')) === 1);

    const ours = await startGateway({ connection: proxy.url, ...HEARTBEAT });
    const bob = await ours.connect();
    proxy.swallow(['toClient']);
    proxy.forward();
    await eventually(() => gapsOf(bob).length > 0);
    // Each adapter gets a broadcast of another instance of its kind.
    const other = await startGateway({ connection: redis.url });
    other.io.emit('after');
    await bob.receives('after');
    const otherSubscriber = redis.client.duplicate();
    closeAfterTest(async () => otherSubscriber.disconnect());
    const emitter = new Server({ adapter: createRedisAdapter(redis.client, otherSubscriber) });
    // Its subscriptions are acknowledged by then: nothing handles their rejection when the client closes.
    await otherSubscriber.ping();
    emitter.emit('for theirs');
    await eventually(() => proxy.swallowed.includes('for theirs'));
    expect(theirs.events).toEqual([]);
    expect(theirs.socket.connected).toBe(true);
  });
});
