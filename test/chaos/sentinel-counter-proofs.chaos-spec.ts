import { Redis, type RedisOptions } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/redis.js';
import { SentinelTopology } from '../support/faults/sentinel-topology.js';
import { findFault } from './fault.js';
import { firstChannel } from './first-channel.js';
import { IoredisSubscriber } from './ioredis-subscriber.js';
import { Scenario } from './scenario.js';
import { sentinelFaults } from './sentinel-faults.js';

/** Each fault does harm without the feature of this package that handles it. */
describe('counter-proofs for a master that three sentinels watch', () => {
  let sentinel: SentinelTopology;
  let opened: IoredisSubscriber | undefined;
  beforeAll(async () => {
    sentinel = await SentinelTopology.start();
  });
  afterEach(() => opened?.close());
  afterAll(() => sentinel.stop());

  it.each<[string, string, RedisOptions]>([
    ['ioredis', 'graceful failover', {}],
    ['ioredis', 'hung master', {}],
    [
      'ioredis with its failover detector',
      'graceful failover, with the connections to the sentinels half-open',
      { failoverDetector: true },
    ],
    ['ioredis that does not subscribe again', 'killed master', { autoResubscribe: false }],
  ])(
    '[%s] is ready and deaf when the application has recovered: %s',
    { timeout: 120_000 },
    async (_, name, options) => {
      await Scenario.run(sentinel, async (scenario) => {
        const channel = firstChannel(scenario);
        const connection = { ...sentinel.connection, ...options };
        const subscriber = await IoredisSubscriber.start(connection, channel);
        opened = subscriber;
        const { injection } = await scenario.inject(findFault(sentinelFaults(sentinel), name));
        await eventually(() => subscriber.client.status === 'ready', 'ioredis is ready');
        // The publisher may leave the old master later than the application does.
        await scenario.receivesFromNowOn();
        const { next } = channel;
        await scenario.receivesFromNowOn();
        expect(subscriber.receives(next)).toBe(false);
        subscriber.close();
        await injection.cleanUp?.();
      });
    },
  );

  it('[ioredis] waits without a limit for a hung sentinel, although two others would answer', async () => {
    const client = new Redis({ ...sentinel.connection, lazyConnect: true });
    client.on('error', () => undefined);
    sentinel.set.sentinels[0]?.hang();
    const connected = client.connect().catch(() => undefined);
    const other = new Redis(sentinel.direct);
    await other.ping();
    other.disconnect();
    expect(client.status).toBe('connecting');
    sentinel.set.sentinels[0]?.resume();
    await connected;
    expect(client.status).toBe('ready');
    client.disconnect();
  });
});
