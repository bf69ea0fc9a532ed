import { whenSubscribed } from '../../src/broker/broker.js';
import { describe, expect, it } from 'vitest';
import { eventually, useRedis } from '../support/redis.js';
import { Collector } from './collector.js';
import { quietBroker } from './quiet-broker.js';

describe('5,000 subscriptions', () => {
  const redis = useRedis();

  it('come back after CLIENT KILL, and are heard once each', async () => {
    const broker = quietBroker(redis.url);
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
      // Asked in the moment of the change, over another connection.
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
    await collector.hears(targets.length);
    expect(collector.texts).toEqual(targets);
  });
});
