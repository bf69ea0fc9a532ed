import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { ClosedError, ConnectionError } from 'nestjs-redis-pubsub';
import type { RedisConnection } from '../../src/broker/connection/redis-connection.js';
import type { PublishBufferOptions } from '../../src/broker/broker-options.js';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import { closeAfterTest } from '../support/app.js';
import { useCluster } from '../support/cluster.js';
import { eventually, plain, useRedis } from '../support/redis.js';
import { becomes, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';

/** Longer than any test may take: a promise that rejects earlier did not wait for this timeout. */
const FOREVER_MS = 1_000_000;

const giveUp = (attempt: number) => (attempt < 3 ? 5 : null);

const outcomeOf = (promise: Promise<number>): Promise<unknown> =>
  promise.catch((error: unknown) => error);

describe('a message that is published while Redis is down', () => {
  const redis = useRedis();

  async function open(publishBuffer: PublishBufferOptions | false, connection?: RedisConnection) {
    const broker = createTestBroker(connection ?? redis.url, { publishBuffer });
    await broker.connect(0);
    return broker;
  }

  async function takeDown(broker: RedisBroker): Promise<void> {
    const lost = becomes(broker, 'reconnecting');
    await redis.stop();
    await lost;
    const [publisher] = broker.clients() as [Redis, Redis];
    await eventually(() => publisher.status !== 'ready');
  }

  it('waits for the first connection', async () => {
    const broker = createTestBroker(redis.url, {
      publishBuffer: { maxMessages: 100, maxAge: FOREVER_MS },
    });
    const connected = broker.connect(20_000);
    expect(await broker.publish(unique('first'), 'x')).toBe(0);
    await connected;
  });

  it('is sent after the reconnect: once, in order, and before later messages', async () => {
    // Only the connection is lost, Redis stays up: every message must arrive.
    const broker = await open({ maxMessages: 100, maxAge: FOREVER_MS });
    const name = unique('order');
    const received: number[] = [];
    const observer = new Redis(plain(redis.port));
    closeAfterTest(async () => observer.disconnect());
    observer.on('pmessage', (_pattern, _channel, text) => received.push(Number(text)));
    await observer.psubscribe(`${name}.*`);
    const publish = (i: number) => broker.publish(`${name}.${i % 3}`, String(i));

    const [publisher] = broker.clients() as [Redis, Redis];
    const lost = becomes(broker, 'reconnecting');
    publisher.stream.destroy();
    await lost;
    const outcomes = Array.from({ length: 100 }, (_, i) => publish(i));
    const back = becomes(broker, 'connected');
    await back;
    outcomes.push(publish(100));
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set([1]));
    await eventually(() => received.length === 101);
    expect(received).toEqual(Array.from({ length: 101 }, (_, i) => i));
  });

  it('rejects at once without a buffer', async () => {
    const broker = await open(false);
    await takeDown(broker);
    expect(await outcomeOf(broker.publish('x', '1'))).toBeInstanceOf(ConnectionError);
    await redis.start();
  });

  it('rejects after maxAge, the oldest message first', async () => {
    const broker = await open({ maxMessages: 10, maxAge: 50 });
    await takeDown(broker);
    const failed: string[] = [];
    const started = performance.now();
    const outcomes = ['1', '2', '3'].map((text) =>
      broker.publish('aged', text).catch((error: Error) => {
        failed.push(text);
        return [error.message, performance.now() - started];
      }),
    );
    const [message, waited] = (await Promise.all(outcomes))[0] as [string, number];
    expect(message).toBe('Cannot publish to "aged": not connected to Redis (waited for 50 ms)');
    expect(waited).toBeGreaterThan(48);
    expect(failed).toEqual(['1', '2', '3']);
    await redis.start();
  });

  it('rejects at once when maxMessages wait, and the waiting messages are still sent', async () => {
    const broker = await open({ maxMessages: 2, maxAge: FOREVER_MS });
    await takeDown(broker);
    const waiting = ['1', '2'].map((text) => broker.publish('full', text));
    expect(await outcomeOf(broker.publish('full', '3'))).toMatchObject({
      name: 'ConnectionError',
      message: 'Cannot publish to "full": not connected to Redis (2 messages wait for it already)',
    });
    await redis.start();
    expect(await Promise.all(waiting)).toEqual([0, 0]);
  });

  it('rejects with ClosedError when the broker is closed', async () => {
    const broker = await open({ maxMessages: 2, maxAge: FOREVER_MS });
    await takeDown(broker);
    const waiting = outcomeOf(broker.publish('closed', '1'));
    await broker.close();
    expect(await waiting).toBeInstanceOf(ClosedError);
    await redis.start();
  });

  it('rejects when the retryStrategy gives up', async () => {
    const broker = await open(
      { maxMessages: 2, maxAge: FOREVER_MS },
      { ...plain(redis.port), retryStrategy: giveUp },
    );
    const lost = becomes(broker, 'reconnecting');
    const stopped = redis.stop();
    await lost;
    const waiting = await outcomeOf(broker.publish('ended', '1'));
    expect(waiting).toBeInstanceOf(ConnectionError);
    await becomes(broker, 'disconnected');
    await stopped;
    expect(await outcomeOf(broker.publish('ended', '2'))).toBeInstanceOf(ConnectionError);
    await redis.start();
  });
});

describe('a message that is published before the nodes of a Cluster are known', () => {
  const cluster = useCluster();

  it('waits until they are known', async () => {
    const connection = { nodes: cluster().startupNodes };
    const broker = createTestBroker(connection, {
      publishBuffer: { maxMessages: 100, maxAge: FOREVER_MS },
    });
    const connected = broker.connect(20_000);
    expect(await broker.publish(unique('first'), 'x')).toBe(0);
    await connected;
  });
});
