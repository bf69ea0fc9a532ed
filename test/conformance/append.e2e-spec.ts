import { describe, expect, it } from 'vitest';
import type { MessageList } from '../../src/broker/broker.js';
import { whenSubscribed } from '../../src/broker/broker.js';
import { closeAfterTest } from '../support/app.js';
import { callsOf, plain, useRedis } from '../support/redis.js';
import { Collector, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';
import type { RedisBroker } from '../../src/broker/redis-broker.js';

const listOf = (channel: string): MessageList => ({
  key: `list:{${channel}}`,
  size: 3,
  ttlMs: 60_000,
});

/** What a user needs to append. */
const RIGHTS = ['+eval', '+rpush', '+ltrim', '+pexpire', '+rpop', '+publish'];

describe('a message for a list', () => {
  const redis = useRedis([]);

  const open = async (connection = {}): Promise<RedisBroker> => {
    const broker = createTestBroker({ ...plain(redis.port), ...connection });
    await broker.connect(20_000);
    return broker;
  };

  /** Subscribes by a client that the test user does not concern. */
  const collect = async (channel: string): Promise<Collector> => {
    const collector = new Collector();
    await whenSubscribed(await open(), { kind: 'channel', name: channel }, collector);
    return collector;
  };

  it('goes out in one script with the others of its tick, but the first', async () => {
    const broker = await open();
    const channels = Array.from({ length: 100 }, () => unique('joined'));
    await broker.append('any', 'x', 'channel', listOf('any'));
    await redis.client.config('RESETSTAT');
    await Promise.all(channels.map((it) => broker.append(it, it, 'channel', listOf(it))));
    expect(await callsOf(redis.client, 'eval')).toBe(2);
  });

  it.each(RIGHTS.slice(1, 4))('is neither kept nor published without %s', async (missing) => {
    const channel = unique('right');
    const collector = await collect(channel);
    const list = listOf(channel);
    // A full list, so that each command of the script is needed.
    await (await open()).append(channel, '1', 'channel', { ...list, size: 1 });
    const before = await redis.client.lrange(list.key, 0, -1);
    await redis.client.acl('DELUSER', 'app');
    const rights = RIGHTS.filter((it) => it !== missing);
    const base = ['+ping', '+info', '+hello', '+lrange', '~list:*', '&*'];
    await redis.client.call('ACL', 'SETUSER', 'app', 'on', '>secret', ...base, ...rights);
    const broker = await open({ username: 'app', password: 'secret' });
    const append = broker.append(channel, '2', 'channel', { ...list, size: 1 });
    await expect(append).rejects.toMatchObject({ code: 'ERR_PUBSUB_PUBLISH' });
    expect(await redis.client.lrange(list.key, 0, -1)).toEqual(before);
    await redis.client.publish(channel, 'end');
    await collector.receives(2);
    expect(collector.texts).toEqual(['1', 'end']);
  });

  it('is refused by a server without memory, which publishes others still', async () => {
    const broker = await open();
    const channel = unique('oom');
    const collector = await collect(channel);
    await redis.client.config('SET', 'maxmemory', '1');
    closeAfterTest(() => redis.client.config('SET', 'maxmemory', '0'));
    const append = broker.append(channel, 'kept', 'channel', listOf(channel));
    await expect(append).rejects.toThrow(/Redis refused to publish to .*: OOM/);
    expect(await broker.publish(channel, 'plain')).toBe(1);
    await redis.client.config('SET', 'maxmemory', '0');
    await collector.receives(1);
    expect(collector.texts).toEqual(['plain']);
    expect(await redis.client.exists(listOf(channel).key)).toBe(0);
  });

  it('is refused by a replica', async () => {
    const broker = await open();
    const channel = unique('replica');
    await redis.client.replicaof('127.0.0.1', 1);
    closeAfterTest(() => redis.client.replicaof('NO', 'ONE'));
    const append = broker.append(channel, 'x', 'channel', listOf(channel));
    await expect(append).rejects.toThrow(/Redis refused to publish to .*: READONLY/);
  });

  it('reads the lists that a client with a keyPrefix has written, and the other way round', async () => {
    const own = redis.client.duplicate({ keyPrefix: 'key:' });
    closeAfterTest(async () => own.disconnect());
    const broker = createTestBroker(own);
    await broker.connect(20_000);
    const channel = unique('prefixed');
    const list = listOf(channel);
    await broker.append(channel, '1', 'channel', list);
    await (await open()).append(channel, '2', 'channel', list);
    const [end] = await broker.readLists([{ key: list.key, count: 10 }]);
    expect(end?.payloads.map(String)).toEqual(['1', '2']);
    expect(end?.runId).toMatch(/^\w{40}$/);
    expect(end?.serverId).toMatch(/^\w{64}$/);
  });

  it('has no list where Redis refuses to read it, and the reason', async () => {
    await redis.client.call(
      'ACL',
      'SETUSER',
      'reader',
      'on',
      '>secret',
      '+ping',
      '+info',
      '+hello',
    );
    const broker = await open({ username: 'reader', password: 'secret' });
    const [end] = await broker.readLists([{ key: 'list:x', count: 4 }]);
    expect(end?.payloads).toEqual([]);
    expect(String(end?.error)).toContain('NOPERM');
  });
});
