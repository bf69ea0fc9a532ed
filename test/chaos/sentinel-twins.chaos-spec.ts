import { Redis, type RedisOptions } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BareSubscriber } from './bare-subscriber.js';
import { Scenario } from './scenario.js';
import { SentinelTopology } from './sentinel-topology.js';
import { faultOf } from './topology.js';
import { until } from './until.js';

const CHANNEL = 'chaos.literal';

/** Each fault once more, without what keeps this library from it, and at its side. */
describe('a master that three sentinels watch, and the faults are real', () => {
  let sentinel: SentinelTopology;
  let twin: BareSubscriber | undefined;
  beforeAll(async () => {
    sentinel = await SentinelTopology.start();
  });
  afterEach(() => twin?.close());
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
    '[%s] is ready and deaf when the application hears again: %s',
    { timeout: 120_000 },
    async (_, name, options) => {
      await Scenario.run(sentinel, async (scenario) => {
        const bare = await BareSubscriber.start({ ...sentinel.connection, ...options }, CHANNEL);
        twin = bare;
        const { strike } = await scenario.strike(faultOf(sentinel, name));
        await until('the twin is ready', () => bare.client.status === 'ready');
        const moved = scenario.lanes.plain[0]?.next ?? 0;
        await scenario.hearsFromNowOn();
        expect(bare.hears(moved)).toBe(false);
        bare.close();
        await strike.cleanUp?.();
      });
    },
  );

  it('[ioredis] waits for ever for a sentinel that hangs, though two others would answer', async () => {
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
