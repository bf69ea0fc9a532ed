import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { IN_MEMORY } from '../../support/in-memory.js';
import { callsOf, eventually, plain, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { closeAfterTest } from '../../support/app.js';
import { startService, type ServiceApp } from '../module/service-app.js';

const CHANNELS = 10_000;
const MISSED = 2;
/** How many histories are read together: no more commands may be in flight. */
const MAX_READS = 500;
const history = { 'news.*': { size: 20, ttl: 60_000 } };
const numbers = Array.from({ length: CHANNELS }, (_, i) => i);
const channelOf = (i: number): string => `news.${i}`;

/** Counts how many LRANGE of a client wait for their answer, and how many did so at most. */
class ReadsInFlight {
  most = 0;
  #now = 0;

  constructor(client: Redis) {
    const send = client.sendCommand.bind(client);
    client.sendCommand = (command, stream) => {
      if (command.name === 'lrange') {
        this.most = Math.max(this.most, ++this.#now);
        const end = (): void => void this.#now--;
        command.promise.then(end, end);
      }
      return send(command, stream);
    };
  }
}

async function publishAll({ service }: ServiceApp, data: unknown): Promise<void> {
  await Promise.all(numbers.map((i) => service.publish(channelOf(i), data)));
}

async function observeAll(subscriber: ServiceApp) {
  const found = numbers.map((): unknown[] => []);
  let outcomes = 0;
  for (const [i, data] of found.entries()) {
    subscriber.service
      .observe(channelOf(i), {
        recover: true,
        onSubscribed: ({ recovered }) => {
          outcomes++;
          data.push(recovered ? 'recovered' : 'lost');
        },
      })
      .subscribe((message) => data.push(message.data));
  }
  await eventually(() => outcomes === CHANNELS);
  return { found, outcomes: () => outcomes };
}

describe.skipIf(IN_MEMORY)(`${CHANNELS} observers that recover at once`, () => {
  const redis = useRedis();

  it(
    'each receive exactly what they missed, with few commands in flight, and hold up no other client',
    { timeout: 60_000 },
    async () => {
      const proxy = await startProxy(redis.port);
      const publisher = await startService(redis, { history });
      const subscriber = await startService(redis, {
        history,
        connection: { host: '127.0.0.1', port: proxy.port, retryStrategy: () => 20 },
      });
      const [client] = subscriber.app.get(RedisPubSubClient).unwrap<[Redis]>();
      const inFlight = new ReadsInFlight(client);
      const { found, outcomes } = await observeAll(subscriber);
      await publishAll(publisher, 'before');
      await eventually(() => found.every(({ length }) => length === 2));

      await proxy.stop();
      for (let i = 0; i < MISSED; i++) await publishAll(publisher, i);
      const before = await Promise.all(
        ['lrange', 'subscribe', 'info'].map((it) => callsOf(redis.client, it)),
      );
      inFlight.most = 0;
      await proxy.start();
      const passed = await readsDuringPings(() => outcomes() === 2 * CHANNELS);
      await publishAll(publisher, 'next');
      await eventually(() => found.every(({ length }) => length === 5 + MISSED - 1));

      const expected = ['lost', 'before', 'recovered', 0, 1, 'next'];
      expect(found.filter((it) => JSON.stringify(it) !== JSON.stringify(expected))).toEqual([]);
      expect(inFlight.most).toBeLessThanOrEqual(MAX_READS);
      // The last four messages of each list have all that was missed.
      const [lrange = 0, subscribe = 0] = before;
      expect((await callsOf(redis.client, 'lrange')) - lrange).toBe(CHANNELS);
      expect((await callsOf(redis.client, 'subscribe')) - subscribe).toBeLessThanOrEqual(50);
      expect(passed.length).toBeGreaterThan(0);
      // What was in flight when the PING was sent, and what followed before Redis read it.
      expect(Math.max(...passed)).toBeLessThanOrEqual(2 * MAX_READS);
    },
  );

  /** How many reads Redis answered while each PING of another client waited, until the observers have recovered. */
  async function readsDuringPings(isOver: () => boolean): Promise<number[]> {
    const passed: number[] = [];
    const other = redis.client.duplicate(plain(redis.port));
    closeAfterTest(async () => other.disconnect());
    const deadline = performance.now() + 20_000;
    while (!isOver() && performance.now() < deadline) {
      const before = await callsOf(other, 'lrange');
      const [, after] = await Promise.all([other.ping(), callsOf(other, 'lrange')]);
      if (after > before) passed.push(after - before);
    }
    expect(isOver()).toBe(true);
    return passed;
  }

  it('counter-proof: without batches all reads are in flight at once', async () => {
    const client = redis.client.duplicate(plain(redis.port));
    closeAfterTest(async () => client.disconnect());
    // A command that waits for the connection would be sent twice.
    await client.ping();
    const inFlight = new ReadsInFlight(client);
    await Promise.all(
      numbers.map((i) => client.lrange(`_pubsub.history:{${channelOf(i)}}`, -4, -1)),
    );
    expect(inFlight.most).toBe(CHANNELS);
  });
});
