import { whenSubscribed } from '../../src/broker/broker.js';
import type { RedisConnection } from 'nestjs-redis-pubsub';
import { describe, expect, it } from 'vitest';
import type { CredentialsProvider } from '../../src/broker/connection/credentials.js';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import { closeAfterTest } from '../support/app.js';
import { useCluster } from '../support/cluster.js';
import { createGate } from '../support/nest-app.js';
import { eventually, plain, useRedis } from '../support/redis.js';
import { SentinelSet } from '../support/sentinel.js';
import { CollectedLog, Collector, reaches } from './collector.js';
import { quietBroker } from './quiet-broker.js';

function open(connection: RedisConnection, credentials: CredentialsProvider) {
  const log = new CollectedLog();
  const heartbeat = { pingInterval: 100, pingTimeout: 3_000 };
  return { broker: quietBroker(connection, { credentials, ...heartbeat, log }), log };
}

/** What a user is created with, or given as another password. */
const rules = (password: string): string[] =>
  `on resetpass >${password} +@all allchannels`.split(' ');

/** Loses its connections; resolves when a broker has them back, and hears. */
async function returns(broker: RedisBroker, channel: string): Promise<string[]> {
  const collector = new Collector();
  await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
  const lost = reaches(broker, 'reconnecting');
  for (const client of broker.clients()) client.stream.destroy();
  await lost;
  await reaches(broker, 'connected');
  await broker.publish(channel, 'back');
  await collector.hears(1);
  broker.unsubscribe({ kind: 'channel', name: channel }, collector);
  return collector.texts;
}

describe('credentials', () => {
  const redis = useRedis();
  const setUser = (name: string, password: string): Promise<unknown> =>
    redis.client.acl('SETUSER', name, ...rules(password));
  const connections = async (user: string): Promise<number> => {
    const list = String(await redis.client.client('LIST'));
    return list.split('\n').filter((line) => line.includes(` user=${user} `)).length;
  };

  it.each([3, 2] as const)(
    'are asked for before each attempt, so that they may change (RESP%i)',
    async (protocol) => {
      await setUser('changing', 'first');
      let password = 'first';
      const connection = { ...plain(redis.port), protocol, password: 'of nobody' };
      const { broker } = open(connection, async () => ({ username: 'changing', password }));
      await broker.connect(10_000);
      expect(await connections('changing')).toBe(2);
      password = 'second';
      await setUser('changing', 'second');
      expect(await returns(broker, 'changing')).toEqual(['back']);
      expect(await connections('changing')).toBe(2);
    },
  );

  it('are those of the default user where they name none', async () => {
    await redis.client.acl('SETUSER', 'default', 'resetpass', '>pw');
    closeAfterTest(() => redis.client.acl('SETUSER', 'default', 'nopass'));
    const { broker } = open(`redis://${plain(redis.port).host}:${redis.port}`, () => ({
      password: 'pw',
    }));
    await broker.connect(10_000);
    expect(await broker.publish('nobody', 'x')).toBe(0);
  });

  it('that cannot be had fail the attempt, and the next one asks again', async () => {
    await setUser('late', 'pw');
    let asked = 0;
    const { broker } = open(plain(redis.port), () => {
      if (++asked <= 4) throw new Error('no token yet');
      return { username: 'late', password: 'pw' };
    });
    await expect(broker.connect(0)).rejects.toThrow('Redis is unreachable: no token yet');
    await reaches(broker, 'connected');
    expect(asked).toBeGreaterThanOrEqual(6);
  });

  it('that cannot be had, or are refused, do not end a start that has patience', async () => {
    await setUser('patient', 'right');
    let asked = 0;
    const { broker } = open(plain(redis.port), () => {
      asked++;
      if (asked <= 2) throw new Error('no token yet');
      return { username: 'patient', password: asked <= 4 ? 'old' : 'right' };
    });
    await broker.connect(20_000);
    expect(asked).toBe(6);
  });

  it.each([undefined, null, 'token', {}, { username: 'a' }, { username: 1, password: 'secret' }])(
    'that are none fail the attempt, and are not shown: %j',
    async (none) => {
      const { broker, log } = open(plain(redis.port), () => none as never);
      const connected = broker.connect(0);
      await expect(connected).rejects.toThrow(
        'Expected "credentials" to be a function that gives { username?: string, password: string }',
      );
      await expect(connected).rejects.not.toThrow('secret');
      expect(log.lines.join()).not.toContain('secret');
    },
  );

  it('that come after the close lead nowhere', async () => {
    await setUser('slow', 'pw');
    const gate = createGate();
    let asked = 0;
    const { broker } = open(plain(redis.port), async () => {
      asked++;
      await gate.promise;
      return { username: 'slow', password: 'pw' };
    });
    const failure = broker.connect(10_000).catch((error: unknown) => error);
    await eventually(() => asked === 2);
    await broker.close();
    expect(await failure).toBeInstanceOf(Error);
    gate.open();
    await eventually(() => broker.clients().every(({ status }) => status === 'end'));
    expect(await connections('slow')).toBe(0);
  });
});

describe('credentials over sentinels', () => {
  it('are those of the data nodes', async () => {
    const set = await SentinelSet.start();
    closeAfterTest(() => set.stop());
    let password = 'first';
    const setUsers = (): Promise<unknown> =>
      Promise.all(set.nodes.map(({ client }) => client.acl('SETUSER', 'app', ...rules(password))));
    await setUsers();
    const sentinels = set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const { broker } = open({ sentinels, name: set.name }, () => ({ username: 'app', password }));
    await broker.connect(10_000);
    password = 'second';
    await setUsers();
    expect(await returns(broker, 'sentinel')).toEqual(['back']);
  });
});

describe('credentials over a Cluster', () => {
  const cluster = useCluster();

  it('are asked for by every connection, those that ask for its nodes included', async () => {
    let password = 'first';
    const setUsers = (): Promise<unknown> =>
      Promise.all(
        cluster().nodes.map(({ client }) => client.acl('SETUSER', 'app', ...rules(password))),
      );
    await setUsers();
    let asked = 0;
    const { broker, log } = open({ nodes: cluster().startupNodes }, () => {
      asked++;
      return { username: 'app', password };
    });
    await broker.connect(10_000);
    password = 'second';
    await setUsers();
    const before = asked;
    // Each look at the Cluster is a connection of its own.
    await eventually(() => asked >= before + 2);
    expect(await returns(broker, 'cluster')).toEqual(['back']);
    expect(await broker.patternCount()).toBeGreaterThanOrEqual(0);
    expect(log.lines.filter((line) => line.includes('No node'))).toEqual([]);
  });
});
