import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { ClosedError, ConnectionError } from 'nestjs-redis-pubsub';
import type { RedisConnection } from '../../src/broker/connection/redis-connection.js';
import type { PublishBufferOptions } from '../../src/broker/broker-options.js';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import { closeAfterTest } from '../support/app.js';
import { useCluster } from '../support/cluster.js';
import { eventually, plain, useRedis } from '../support/redis.js';
import { reaches, unique } from './collector.js';
import { quietBroker } from './quiet-broker.js';

/** Longer than any test may take: what fails earlier did not wait. */
const FOR_EVER = 1_000_000;

const giveUp = (attempt: number) => (attempt < 3 ? 5 : null);

const outcomeOf = (promise: Promise<number>): Promise<unknown> =>
  promise.catch((error: unknown) => error);

describe('what is published while Redis is away', () => {
  const redis = useRedis();

  async function open(publishBuffer: PublishBufferOptions | false, connection?: RedisConnection) {
    const broker = quietBroker(connection ?? redis.url, { publishBuffer });
    await broker.connect(0);
    return broker;
  }

  async function away(broker: RedisBroker): Promise<void> {
    const lost = reaches(broker, 'reconnecting');
    await redis.stop();
    await lost;
    const [publisher] = broker.clients() as [Redis, Redis];
    await eventually(() => publisher.status !== 'ready');
  }

  it('waits for the first connection, too', async () => {
    const broker = quietBroker(redis.url, {
      publishBuffer: { maxMessages: 100, maxAge: FOR_EVER },
    });
    const connected = broker.connect(20_000);
    expect(await broker.publish(unique('first'), 'x')).toBe(0);
    await connected;
  });

  it('goes out when it is back: once, in its order, and before what comes later', async () => {
    // A connection that is cut is away, and Redis is not: everything must arrive.
    const broker = await open({ maxMessages: 100, maxAge: FOR_EVER });
    const name = unique('order');
    const heard: number[] = [];
    const observer = new Redis(plain(redis.port));
    closeAfterTest(async () => observer.disconnect());
    observer.on('pmessage', (_pattern, _channel, text) => heard.push(Number(text)));
    await observer.psubscribe(`${name}.*`);
    const publish = (i: number) => broker.publish(`${name}.${i % 3}`, String(i));

    const [publisher] = broker.clients() as [Redis, Redis];
    const lost = reaches(broker, 'reconnecting');
    publisher.stream.destroy();
    await lost;
    const outcomes = Array.from({ length: 100 }, (_, i) => publish(i));
    const back = reaches(broker, 'connected');
    await back;
    outcomes.push(publish(100));
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set([1]));
    await eventually(() => heard.length === 101);
    expect(heard).toEqual(Array.from({ length: 101 }, (_, i) => i));
  });

  it('fails at once without a buffer', async () => {
    const broker = await open(false);
    await away(broker);
    expect(await outcomeOf(broker.publish('x', '1'))).toBeInstanceOf(ConnectionError);
    await redis.start();
  });

  it('fails when it has waited for maxAge, the oldest first', async () => {
    const broker = await open({ maxMessages: 10, maxAge: 50 });
    await away(broker);
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

  it('fails at once where maxMessages wait; those still go out', async () => {
    const broker = await open({ maxMessages: 2, maxAge: FOR_EVER });
    await away(broker);
    const waiting = ['1', '2'].map((text) => broker.publish('full', text));
    expect(await outcomeOf(broker.publish('full', '3'))).toMatchObject({
      name: 'ConnectionError',
      message: 'Cannot publish to "full": not connected to Redis (2 messages wait for it already)',
    });
    await redis.start();
    expect(await Promise.all(waiting)).toEqual([0, 0]);
  });

  it('fails with ClosedError when the broker is closed', async () => {
    const broker = await open({ maxMessages: 2, maxAge: FOR_EVER });
    await away(broker);
    const waiting = outcomeOf(broker.publish('closed', '1'));
    await broker.close();
    expect(await waiting).toBeInstanceOf(ClosedError);
    await redis.start();
  });

  it('fails when a retryStrategy gives up', async () => {
    const broker = await open(
      { maxMessages: 2, maxAge: FOR_EVER },
      { ...plain(redis.port), retryStrategy: giveUp },
    );
    const lost = reaches(broker, 'reconnecting');
    const stopped = redis.stop();
    await lost;
    const waiting = await outcomeOf(broker.publish('ended', '1'));
    expect(waiting).toBeInstanceOf(ConnectionError);
    await reaches(broker, 'disconnected');
    await stopped;
    expect(await outcomeOf(broker.publish('ended', '2'))).toBeInstanceOf(ConnectionError);
    await redis.start();
  });
});

describe('what is published before the nodes of a Cluster are known', () => {
  const cluster = useCluster();

  it('waits for them', async () => {
    const connection = { nodes: cluster().startupNodes };
    const broker = quietBroker(connection, {
      publishBuffer: { maxMessages: 100, maxAge: FOR_EVER },
    });
    const connected = broker.connect(20_000);
    expect(await broker.publish(unique('first'), 'x')).toBe(0);
    await connected;
  });
});
