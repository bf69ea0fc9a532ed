import { inspect } from 'node:util';
import { whenSubscribed } from '../../src/broker/broker.js';
import type { RedisConnection } from 'nestjs-redis-pubsub';
import { describe, expect, it } from 'vitest';
import type { CredentialsProvider } from '../../src/broker/connection/credentials.js';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import { closeAfterTest } from '../support/app.js';
import { useCluster } from '../support/cluster.js';
import { Gate } from '../support/gate.js';

import { eventually, plain, useRedis } from '../support/redis.js';
import { SentinelSet } from '../support/sentinel.js';
import { CollectedLog, Collector, becomes } from './collector.js';
import { createTestBroker } from './test-broker.js';

function open(connection: RedisConnection, credentials: CredentialsProvider) {
  const log = new CollectedLog();
  const heartbeat = { pingInterval: 100, pingTimeout: 3_000 };
  return { broker: createTestBroker(connection, { credentials, ...heartbeat, log }), log };
}

/** The ACL rules of a user with this password. */
const rules = (password: string): string[] =>
  `on resetpass >${password} +@all allchannels`.split(' ');

/** Cuts the connections of a broker; resolves when it is connected again and receives messages. */
async function textsAfterReconnect(broker: RedisBroker, channel: string): Promise<string[]> {
  const collector = new Collector();
  await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
  const lost = becomes(broker, 'reconnecting');
  for (const client of broker.clients()) client.stream.destroy();
  await lost;
  await becomes(broker, 'connected');
  await broker.publish(channel, 'back');
  await collector.receives(1);
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
    'are requested before each attempt, so that they may change (RESP%i)',
    async (protocol) => {
      await setUser('changing', 'first');
      let password = 'first';
      const connection = { ...plain(redis.port), protocol, password: 'unused' };
      const { broker } = open(connection, async () => ({ username: 'changing', password }));
      await broker.connect(10_000);
      expect(await connections('changing')).toBe(2);
      password = 'second';
      await setUser('changing', 'second');
      expect(await textsAfterReconnect(broker, 'changing')).toEqual(['back']);
      expect(await connections('changing')).toBe(2);
    },
  );

  it('are for the default user when they have no username', async () => {
    await redis.client.acl('SETUSER', 'default', 'resetpass', '>pw');
    closeAfterTest(() => redis.client.acl('SETUSER', 'default', 'nopass'));
    const { broker } = open(`redis://${plain(redis.port).host}:${redis.port}`, () => ({
      password: 'pw',
    }));
    await broker.connect(10_000);
    expect(await broker.publish('no.subscribers', 'x')).toBe(0);
  });

  it('fail the attempt when the provider throws, and are requested again for the next attempt', async () => {
    await setUser('late', 'pw');
    let asked = 0;
    const { broker } = open(plain(redis.port), () => {
      if (++asked <= 4) throw new Error('no token yet');
      return { username: 'late', password: 'pw' };
    });
    await expect(broker.connect(0)).rejects.toThrow(
      'Cannot connect to Redis: "credentials" failed: no token yet',
    );
    await becomes(broker, 'connected');
    expect(asked).toBeGreaterThanOrEqual(6);
  });

  it.each([
    Object.assign(new Error('boom'), { token: 'hunter2' }),
    new Error('request https://u:hunter2@vault failed'),
    new Error('GET https://vault/v1?token=hunter2 failed'),
    new Error('refused, token: hunter2'),
    new Error('refused "Authorization: Bearer hunter2"'),
    new Error('refused {"token":"hunter2"}'),
    new Error('no answer', { cause: new Error('hunter2') }),
    { token: 'hunter2' },
    'password=hunter2',
  ])('show no token of what the provider throws: %o', async (thrown) => {
    const { broker, log } = open(plain(redis.port), () => {
      // oxlint-disable-next-line typescript/only-throw-error -- as an application may
      throw thrown;
    });
    const error: unknown = await broker.connect(0).catch((it: unknown) => it);
    expect(String(error)).toContain('"credentials" failed: ');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
    expect(log.lines.join()).not.toContain('hunter2');
  });

  it('may fail or be refused until the timeout of connect', async () => {
    await setUser('retried', 'right');
    let asked = 0;
    const { broker } = open(plain(redis.port), () => {
      asked++;
      if (asked <= 2) throw new Error('no token yet');
      return { username: 'retried', password: asked <= 4 ? 'old' : 'right' };
    });
    await broker.connect(20_000);
    expect(asked).toBe(6);
  });

  it.each([undefined, null, 'token', {}, { username: 'a' }, { username: 1, password: 'secret' }])(
    'of the wrong type fail the attempt, and do not appear in the error or the log: %j',
    async (invalid) => {
      const { broker, log } = open(plain(redis.port), () => invalid as never);
      const connected = broker.connect(0);
      await expect(connected).rejects.toThrow(
        'Expected "credentials" to be a function that gives { username?: string, password: string }',
      );
      await expect(connected).rejects.not.toThrow('secret');
      expect(log.lines.join()).not.toContain('secret');
    },
  );

  it('that arrive after close open no connection', async () => {
    await setUser('slow', 'pw');
    const gate = new Gate();
    let asked = 0;
    const { broker } = open(plain(redis.port), async () => {
      asked++;
      await gate.opened;
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
  it('are for the data nodes', async () => {
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
    expect(await textsAfterReconnect(broker, 'sentinel')).toEqual(['back']);
  });
});

describe('credentials over a Cluster', () => {
  const cluster = useCluster();

  it('are requested for every connection, also for those that ask for the nodes', async () => {
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
    // Each refresh of the topology opens a connection of its own.
    await eventually(() => asked >= before + 2);
    expect(await textsAfterReconnect(broker, 'cluster')).toEqual(['back']);
    expect(await broker.patternCount()).toBeGreaterThanOrEqual(0);
    expect(log.lines.filter((line) => line.includes('No node'))).toEqual([]);
  });
});
