import type { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { ConnectionError } from 'nestjs-redis-pubsub';
import { callsOf, eventually, useRedis } from '../support/redis.js';
import { becomes, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';

const ttlMs = 60_000;

describe('claims at a server', () => {
  const redis = useRedis();

  async function open() {
    const broker = createTestBroker(redis.url);
    await broker.connect(10_000);
    return broker;
  }

  it('of a key as a whole are forgotten after their time', async () => {
    const broker = await open();
    const key = unique('whole');
    await broker.claim({ key, ttlMs });
    const left = await redis.client.pttl(key);
    expect(left).toBeGreaterThan(ttlMs - 10_000);
    expect(left).toBeLessThanOrEqual(ttlMs);
  });

  it('of bits are kept for twice their time, which is set once for many of them', async () => {
    const broker = await open();
    const key = unique('bits');
    const before = await callsOf(redis.client, 'pexpire');
    for (const bit of [1, 2, 3, 4]) await broker.claim({ key, bits: [bit], ttlMs });
    expect(await callsOf(redis.client, 'pexpire')).toBe(before + 1);
    const left = await redis.client.pttl(key);
    expect(left).toBeGreaterThan(2 * ttlMs - 10_000);
    expect(left).toBeLessThanOrEqual(2 * ttlMs);
  });

  it('of bits have their time set again when less than one is left', async () => {
    const broker = await open();
    const key = unique('again');
    await broker.claim({ key, bits: [1], ttlMs: 1_000 });
    await broker.claim({ key, bits: [2], ttlMs });
    expect(await redis.client.pttl(key)).toBeGreaterThan(ttlMs);
  });

  it('of bits have their time set again over a new connection', async () => {
    const broker = await open();
    const key = unique('connection');
    await broker.claim({ key, bits: [1], ttlMs });
    await redis.client.persist(key);
    const lost = becomes(broker, 'reconnecting');
    await redis.killConnections();
    await lost;
    await becomes(broker, 'connected');
    expect(await broker.claim({ key, bits: [1, 2], ttlMs })).toEqual([false, true]);
    expect(await redis.client.pttl(key)).toBeGreaterThan(ttlMs);
  });

  it('of bits fail where Redis refuses to set their time, and have it set as soon as it does', async () => {
    const broker = await open();
    const key = unique('refused');
    await redis.client.call('ACL', 'SETUSER', 'default', '-pexpire');
    for (const bit of [1, 2]) {
      await expect(broker.claim({ key, bits: [bit], ttlMs })).rejects.toThrow(
        /^Redis refused to claim "refused.*": NOPERM .*pexpire/,
      );
    }
    await redis.client.call('ACL', 'SETUSER', 'default', '+pexpire');
    expect(await broker.claim({ key, bits: [3], ttlMs })).toEqual([true]);
    expect(await redis.client.pttl(key)).toBeGreaterThan(ttlMs);
  });

  it.each([1, 3])(
    'of bits have their time set when Redis has lost the key, by %i brokers',
    async (count) => {
      const brokers = await Promise.all(Array.from({ length: count }, open));
      const key = unique('lost');
      for (const broker of brokers) await broker.claim({ key, bits: [1], ttlMs });
      await redis.client.flushall();
      const before = await callsOf(redis.client, 'pexpire');
      const claims = await Promise.all(
        brokers.map((broker) => broker.claim({ key, bits: [1, 2], ttlMs })),
      );
      expect(claims.flat().filter(Boolean)).toHaveLength(2);
      // Answered after what was sent before it.
      for (const broker of brokers) await broker.claim({ key, bits: [3], ttlMs });
      expect(await redis.client.pttl(key)).toBeGreaterThan(ttlMs);
      const after = await callsOf(redis.client, 'pexpire');
      expect(after - before).toBeLessThanOrEqual(count);
      for (const broker of brokers) await broker.claim({ key, bits: [4], ttlMs });
      expect(await callsOf(redis.client, 'pexpire')).toBe(after);
    },
  );

  it('of a key are answered in their order, also while its time is set', async () => {
    const broker = await open();
    const key = unique('order');
    for (const isNew of [true, false]) {
      if (!isNew) await redis.client.del(key);
      const answered: number[] = [];
      const claims = Array.from({ length: 20 }, async (_, i) => {
        await broker.claim({ key, bits: [i], ttlMs });
        answered.push(i);
      });
      await Promise.all(claims);
      expect(answered).toEqual(answered.toSorted((a, b) => a - b));
      // Answered after what was sent before it.
      await broker.claim({ key, bits: [20], ttlMs });
      expect(await redis.client.pttl(key)).toBeGreaterThan(ttlMs);
    }
  });

  it('of bits have their time set after an outage that came before the command for it', async () => {
    const broker = await open();
    const [client] = broker.clients();
    const key = unique('outage');
    const { stream } = client!;
    const write = stream.write.bind(stream);
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      if (!String(text).includes('pexpire')) return write(String(text));
      // What was written before it arrives.
      stream.end();
      return true;
    });
    const lost = becomes(broker, 'reconnecting');
    const outcome = broker.claim({ key, bits: [1], ttlMs }).catch((error: unknown) => error);
    await lost;
    await becomes(broker, 'connected');
    expect(await outcome).not.toEqual([false]);
    await eventually(async () => (await redis.client.pttl(key)) > ttlMs);
  });

  it('that Redis refuses fail alone', async () => {
    const broker = await open();
    const [wrong, right] = [unique('wrong'), unique('right')];
    await redis.client.lpush(wrong, 'not a string');
    const [refused, made] = await Promise.allSettled([
      broker.claim({ key: wrong, bits: [1], ttlMs }),
      broker.claim({ key: right, bits: [1], ttlMs }),
    ]);
    expect(refused).toMatchObject({
      reason: {
        code: 'ERR_PUBSUB_QUERY',
        message: expect.stringMatching(/^Redis refused to claim "wrong.*": WRONGTYPE/) as string,
      },
    });
    expect(made).toEqual({ status: 'fulfilled', value: [true] });
  });

  it('in flight fail when the connection is lost, and are not sent again', async () => {
    const broker = await open();
    const key = unique('flight');
    await broker.claim({ key: unique('first'), ttlMs });
    process.kill(redis.pid, 'SIGSTOP');
    const outcome = broker.claim({ key, bits: [1], ttlMs }).catch((error: unknown) => error);
    const [client] = broker.clients();
    const lost = becomes(broker, 'reconnecting');
    client?.stream.destroy();
    await lost;
    process.kill(redis.pid, 'SIGCONT');
    expect(await outcome).toBeInstanceOf(ConnectionError);
    await becomes(broker, 'connected');
    expect(await callsOf(redis.client, 'bitfield')).toBeGreaterThan(0);
    // Redis took it from the socket, and no other broker can be the first.
    await eventually(async () => (await redis.client.bitcount(key)) === 2);
    expect(await broker.claim({ key, bits: [1], ttlMs })).toEqual([false]);
  });

  it('of one tick go out together with the messages, in few writes', async () => {
    const broker = await open();
    const keys = Array.from({ length: 20 }, () => unique('tick'));
    const claims = keys.map((key) => broker.claim({ key, bits: [0], ttlMs }));
    const published = broker.publish(unique('channel'), 'x');
    const [client] = broker.clients();
    const writes = vi.spyOn(client?.stream as Socket, 'write');
    expect(await Promise.all(claims)).toEqual(keys.map(() => [true]));
    expect(await published).toBe(0);
    expect(writes).toHaveBeenCalledTimes(1);
  });
});
