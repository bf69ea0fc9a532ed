import { whenSubscribed } from '../../src/broker/broker.js';
import { describe, expect, it } from 'vitest';
import { eventually, useRedis } from '../support/redis.js';
import { Collector } from './collector.js';
import { createTestBroker } from './test-broker.js';

describe('5,000 subscriptions', () => {
  const redis = useRedis();

  it('are subscribed again after CLIENT KILL, and receive each message once', async () => {
    const broker = createTestBroker(redis.url);
    await broker.connect(10_000);
    const channels = Array.from({ length: 4_500 }, (_, i) => `channel.${i}`);
    const patterns = Array.from({ length: 500 }, (_, i) => `pattern.${i}.*`);
    const collector = new Collector();
    await Promise.all([
      ...channels.map((name) => whenSubscribed(broker, { kind: 'channel', name }, collector)),
      ...patterns.map((name) => whenSubscribed(broker, { kind: 'pattern', name }, collector)),
    ]);
    let found: Promise<unknown[]> | undefined;
    broker.onStatus((status) => {
      if (status !== 'connected') return;
      // Asks at the moment of the status change, over another connection.
      found = Promise.all([
        redis.client.pubsub('NUMPAT'),
        redis.client.pubsub('NUMSUB', ...channels),
      ]);
    });
    await redis.killConnections();
    await eventually(() => found !== undefined);
    const [numpat, numsub] = (await found) as [number, (string | number)[]];
    expect(numpat).toBe(patterns.length);
    expect(numsub.filter((_, i) => i % 2 === 1)).toEqual(channels.map(() => 1));
    const targets = [...channels, ...patterns.map((glob) => glob.replace('*', 'x'))];
    const counts = await Promise.all(targets.map((name) => broker.publish(name, name)));
    expect(new Set(counts)).toEqual(new Set([1]));
    await collector.receives(targets.length);
    expect(collector.texts).toEqual(targets);
  });
});
