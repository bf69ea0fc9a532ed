import { Redis } from 'ioredis';
import { describe, expect, inject, it } from 'vitest';
import type { RedisConnection } from 'nestjs-redis-pubsub';
import type { BrokerOptions } from '../../src/broker/broker-options.js';
import { whenSubscribed } from '../../src/broker/broker.js';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import type { ChannelKind } from '../../src/channel/subscription-key.js';
import { closeAfterTest } from '../support/app.js';
import { eventually, plain, useRedis, type TestRedis } from '../support/redis.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { becomes, CollectedLog, Collector, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';

const CHECK = { addressCheckInterval: 60 } satisfies Partial<BrokerOptions>;

/** A broker that is connected, and subscribed to a channel. */
async function open(
  connection: RedisConnection,
  options: Partial<BrokerOptions> = CHECK,
  kind: ChannelKind = 'channel',
) {
  const log = new CollectedLog();
  const broker = createTestBroker(connection, { log, sharded: kind === 'shard', ...options });
  const collector = new Collector();
  const channel = unique('moved');
  await broker.connect(10_000);
  await whenSubscribed(broker, { kind, name: channel }, collector);
  return { broker, log, collector, channel };
}

const through = (proxy: TcpProxy) => ({ ...plain(proxy.port), retryStrategy: () => 20 });

/** How many clients of this package a server has. */
async function clientsAt({ client }: TestRedis): Promise<number> {
  const list = String(await client.client('LIST'))
    .trim()
    .split('\n');
  return list.length - 1;
}

const socketsOf = (broker: RedisBroker): unknown[] => broker.clients().map(({ stream }) => stream);

const linesWith = (log: CollectedLog, text: string): string[] =>
  log.lines.filter((line) => line.includes(text));

/** Resolves after some checks: each of them opens a connection. */
async function afterChecks(proxy: TcpProxy, count: number): Promise<void> {
  const before = proxy.accepted;
  await eventually(() => proxy.accepted >= before + count);
}

describe('an address that leads to another server', () => {
  const former = useRedis();
  const current = useRedis();

  const demote = async ({ client }: TestRedis): Promise<void> => {
    await client.call('REPLICAOF', '127.0.0.1', String(current.port));
    closeAfterTest(() => client.call('REPLICAOF', 'NO', 'ONE'));
  };

  it.each<['channel' | 'shard', 2 | 3]>([
    ['channel', 3],
    ['channel', 2],
    ...(inject('hasSharded') ? [['shard', 3] satisfies ['shard', 3]] : []),
  ])(
    'moves publisher and subscriber to it (%s, RESP%i), and reports the gap since the last check',
    async (kind, protocol) => {
      const proxy = await startProxy(former.port);
      const connection = { ...through(proxy), protocol };
      const { broker, log, collector, channel } = await open(connection, CHECK, kind);
      await afterChecks(proxy, 2);
      const before = new Date();
      proxy.retarget(current.port);
      await eventually(() => collector.gaps.length === 1);
      await eventually(() => broker.status === 'connected');
      const command = kind === 'shard' ? 'SPUBLISH' : 'PUBLISH';
      expect(await current.client.call(command, channel, 'from others')).toBe(1);
      expect(await broker.publish(channel, 'own', kind)).toBe(1);
      await collector.receives(2);
      expect(await clientsAt(former)).toBe(0);
      expect(collector.gaps[0]!.from.getTime()).toBeLessThanOrEqual(before.getTime());
      const moves = linesWith(log, 'leads to another server');
      expect(moves).toHaveLength(2);
      expect(moves.join()).toMatch(
        /Lost the subscriber connection to 127.0.0.1:\d+ \(127.0.0.1:\d+ leads to another server now; messages since \d.*Z may be lost\); reconnecting/,
      );
    },
  );

  it('is not noticed without the check', async () => {
    const proxy = await startProxy(former.port);
    const { broker, collector, channel, log } = await open(through(proxy), {
      addressCheckInterval: 0,
      probeInterval: 20,
    });
    proxy.retarget(current.port);
    expect(await broker.publish(channel, 'own')).toBe(1);
    await collector.receives(1);
    expect(await current.client.publish(channel, 'from others')).toBe(0);
    expect([broker.status, linesWith(log, 'warn:')]).toEqual(['connected', []]);
  });

  it('is told once not to be noticed when the user may not call INFO', async () => {
    const proxy = await startProxy(former.port);
    const user = ['SETUSER', 'mute', 'on', '>pw', '~*', '&*', '+@all', '-info', '-role'] as const;
    for (const { client } of [former, current]) {
      await client.acl(...user);
      closeAfterTest(() => client.acl('DELUSER', 'mute'));
    }
    const login = { username: 'mute', password: 'pw', enableReadyCheck: false };
    const { broker, log } = await open({ ...through(proxy), ...login });
    const sockets = socketsOf(broker);
    proxy.retarget(current.port);
    await afterChecks(proxy, 3);
    expect(socketsOf(broker)).toEqual(sockets);
    const warnings = linesWith(log, 'warn:');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('allow the user INFO');
    expect(linesWith(log, 'error:')).toEqual([]);
  });

  it('proves nothing while no new connection can be made', async () => {
    const proxy = await startProxy(former.port);
    const { broker, log } = await open(through(proxy));
    const sockets = socketsOf(broker);
    // The new server loads its data, or is down.
    proxy.retarget(1);
    await afterChecks(proxy, 3);
    expect(socketsOf(broker)).toEqual(sockets);
    expect(broker.status).toBe('connected');
    expect(linesWith(log, 'warn:')).toEqual([]);
  });

  it('follows it twice', async () => {
    const proxy = await startProxy(former.port);
    const { collector, channel } = await open(through(proxy));
    proxy.retarget(current.port);
    await eventually(() => collector.gaps.length === 1);
    proxy.retarget(former.port);
    await eventually(() => collector.gaps.length === 2);
    await former.subscribers(channel, 1);
    expect(await clientsAt(current)).toBe(0);
  });

  it('does not replace a master by a replica', async () => {
    await demote(former);
    const proxy = await startProxy(current.port);
    const { broker } = await open(through(proxy));
    const sockets = socketsOf(broker);
    proxy.retarget(former.port);
    await afterChecks(proxy, 3);
    expect(socketsOf(broker)).toEqual(sockets);
  });

  it('is told once of several servers that answer in turn, and moves nothing', async () => {
    const proxy = await startProxy(former.port);
    const { broker, log } = await open(through(proxy));
    const sockets = socketsOf(broker);
    let last = proxy.accepted;
    const servers = [former.port, current.port];
    const turn = setInterval(() => {
      if (proxy.accepted === last) return;
      last = proxy.accepted;
      proxy.retarget(servers[last % 2]!);
    }, 1);
    closeAfterTest(async () => clearInterval(turn));
    proxy.retarget(current.port);
    await eventually(() => linesWith(log, 'Several servers answer').length > 0);
    expect(linesWith(log, 'warn:')).toHaveLength(1);
    expect(socketsOf(broker)).toEqual(sockets);
    expect(broker.status).toBe('connected');
  });

  it("moves the subscriber of a user's own client, and tells the application to reconnect the client", async () => {
    const proxy = await startProxy(former.port);
    const client = new Redis(through(proxy));
    closeAfterTest(async () => client.disconnect());
    const { log, collector, channel } = await open(client);
    proxy.retarget(current.port);
    await eventually(() => collector.gaps.length === 1);
    await current.subscribers(channel, 1);
    await afterChecks(proxy, 2);
    expect(linesWith(log, 'Your own client, the publisher, is still connected')).toHaveLength(1);
    client.disconnect(true);
    await eventually(async () => (await clientsAt(former)) === 0);
  });
});

describe('a master that becomes a replica', () => {
  const server = useRedis();
  const other = useRedis();
  const demote = (): Promise<unknown> =>
    server.client.call('REPLICAOF', '127.0.0.1', String(other.port));
  const promote = (): Promise<unknown> => server.client.call('REPLICAOF', 'NO', 'ONE');

  it.each([3, 2] as const)(
    'is left until a master answers at the address (RESP%i)',
    async (protocol) => {
      closeAfterTest(promote);
      const proxy = await startProxy(server.port);
      const { broker, log, collector, channel } = await open({ ...through(proxy), protocol });
      await demote();
      await becomes(broker, 'reconnecting');
      const lines = () => linesWith(log, 'is a replica now');
      await eventually(() => lines().length >= 2);
      await afterChecks(proxy, 20);
      expect(broker.status).toBe('reconnecting');
      // For each connection one line about the loss, and one about the attempts after it.
      expect(lines().length).toBeLessThanOrEqual(4);
      proxy.retarget(other.port);
      await eventually(() => collector.gaps.length === 1);
      expect(await other.client.publish(channel, 'x')).toBe(1);
      await collector.receives(1);
    },
  );

  it.each([
    ['without the ready check', {}, { enableReadyCheck: false }],
    ['without permission for INFO', { username: 'role', password: 'pw' }, {}],
  ])('is left once, until a master answers at the address (%s)', async (_, login, options) => {
    closeAfterTest(promote);
    for (const { client } of [server, other]) {
      await client.acl('SETUSER', 'role', 'on', '>pw', '~*', '&*', '+@all', '-info');
      closeAfterTest(() => client.acl('DELUSER', 'role'));
    }
    const proxy = await startProxy(server.port);
    const connection = { ...through(proxy), ...login, ...options };
    const { broker, log, collector, channel } = await open(connection);
    await afterChecks(proxy, 2);
    await demote();
    await becomes(broker, 'reconnecting');
    await afterChecks(proxy, 10);
    expect([broker.status, collector.gaps]).toEqual(['reconnecting', []]);
    expect(linesWith(log, 'connection is back')).toEqual([]);
    expect(linesWith(log, 'waiting for a master').length).toBeGreaterThan(0);
    expect(linesWith(log, 'is a replica now').length).toBeLessThanOrEqual(4);
    proxy.retarget(other.port);
    await eventually(() => collector.gaps.length === 1);
    expect(await other.client.publish(channel, 'x')).toBe(1);
    await collector.receives(1);
  });

  it('does not hold up the close of a broker that waits for a master', async () => {
    closeAfterTest(promote);
    const proxy = await startProxy(server.port);
    const { broker } = await open({ ...through(proxy), enableReadyCheck: false });
    await afterChecks(proxy, 2);
    await demote();
    await becomes(broker, 'reconnecting');
    await afterChecks(proxy, 4);
    await broker.close();
    expect(await clientsAt(server)).toBe(0);
    const { accepted } = proxy;
    await promote();
    expect([broker.status, proxy.accepted]).toEqual(['disconnected', accepted]);
  });

  it('is used again once it is a master', async () => {
    closeAfterTest(promote);
    const proxy = await startProxy(server.port);
    const { broker, collector } = await open(through(proxy));
    await demote();
    await becomes(broker, 'reconnecting');
    await promote();
    await eventually(() => collector.gaps.length === 1);
    await becomes(broker, 'connected');
    expect(broker.status).toBe('connected');
  });

  it('is found with ROLE by a user that may not call INFO', async () => {
    closeAfterTest(promote);
    await server.client.acl('SETUSER', 'role', 'on', '>pw', '~*', '&*', '+@all', '-info');
    closeAfterTest(() => server.client.acl('DELUSER', 'role'));
    const proxy = await startProxy(server.port);
    const login = { username: 'role', password: 'pw', enableReadyCheck: false };
    const { log } = await open({ ...through(proxy), ...login });
    await afterChecks(proxy, 1);
    await demote();
    await eventually(() => linesWith(log, 'is a replica now').length > 0);
    expect(linesWith(log, 'error:')).toEqual([]);
  });

  it('is kept without the check', async () => {
    closeAfterTest(promote);
    const { broker, log, channel } = await open(plain(server.port), { addressCheckInterval: 0 });
    await demote();
    await eventually(async () => (await server.client.info('replication')).includes('role:slave'));
    expect(await broker.publish(channel, 'own')).toBe(1);
    expect([broker.status, linesWith(log, 'warn:')]).toEqual(['connected', []]);
  });
});

describe('a replica that was chosen', () => {
  const replica = useRedis();
  const master = useRedis();

  it('is kept, with one warning', async () => {
    await replica.client.call('REPLICAOF', '127.0.0.1', String(master.port));
    closeAfterTest(() => replica.client.call('REPLICAOF', 'NO', 'ONE'));
    const proxy = await startProxy(replica.port);
    const { broker, log, collector, channel } = await open(through(proxy));
    const sockets = socketsOf(broker);
    await afterChecks(proxy, 3);
    expect(socketsOf(broker)).toEqual(sockets);
    expect(broker.status).toBe('connected');
    const warnings = linesWith(log, 'warn:');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('is a replica: what this process publishes reaches only');
    await eventually(async () =>
      (await replica.client.info('replication')).includes('master_link_status:up'),
    );
    await master.client.publish(channel, 'from the master');
    await collector.receives(1);
  });
});
