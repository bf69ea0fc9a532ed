import { describe, expect, it } from 'vitest';
import { whenSubscribed } from '../../src/broker/broker.js';
import { closeAfterTest } from '../support/app.js';
import { eventually, useRedis } from '../support/redis.js';
import { CollectedLog, Collector } from './collector.js';
import { createTestBroker } from './test-broker.js';

const OWN = /^warn: This process subscribes to more than 200 different patterns/;
const OF_ALL = /^warn: Redis holds \d+ different patterns/;

const warningsOf = ({ lines }: CollectedLog): string[] =>
  lines.filter((line) => line.startsWith('warn: '));

describe('the number of patterns', () => {
  const redis = useRedis();

  async function open(url = redis.url) {
    const log = new CollectedLog();
    const broker = createTestBroker(url, { log });
    await broker.connect(10_000);
    const subscribe = (name: string, collector = new Collector()): Promise<void> =>
      whenSubscribed(broker, { kind: 'pattern', name }, collector);
    return { log, broker, subscribe };
  }

  async function holdPatterns(count: number): Promise<void> {
    const client = redis.client.duplicate();
    closeAfterTest(async () => client.disconnect());
    await client.psubscribe(...Array.from({ length: count }, (_, i) => `held.${i}.*`));
  }

  it('is told once for those of the process, and counts each pattern once', async () => {
    const { log, subscribe } = await open();
    for (let i = 0; i < 200; i++) await subscribe(`own.${i}.*`);
    for (let i = 0; i < 50; i++) await subscribe('own.0.*');
    expect(warningsOf(log)).toEqual([]);
    await subscribe('own.200.*');
    await subscribe('own.201.*');
    expect(warningsOf(log)).toEqual([expect.stringMatching(OWN)]);
  });

  it('is told for those of all clients at a connection', async () => {
    await holdPatterns(1_001);
    const { log } = await open();
    await eventually(() => warningsOf(log).length === 1);
    expect(warningsOf(log)).toEqual([expect.stringMatching(OF_ALL)]);
  });

  it('is told once by a broker with shard channels, too, which Redis compares with no pattern', async () => {
    await holdPatterns(1_001);
    const { log, broker } = await open();
    await eventually(() => warningsOf(log).length > 0);
    // Its connection has the answer to INFO before the acknowledgement.
    await whenSubscribed(broker, { kind: 'shard', name: 'user' }, new Collector());
    expect(warningsOf(log)).toEqual([expect.stringMatching(OF_ALL)]);
  });

  it('is not told where the user may not call INFO', async () => {
    await holdPatterns(1_001);
    await redis.client.call(
      'ACL',
      'SETUSER',
      'quiet',
      'on',
      '>pw',
      'allchannels',
      '+@all',
      '-info',
    );
    const { log, subscribe } = await open(redis.url.replace('//', '//quiet:pw@'));
    await subscribe('quiet.*');
    expect(warningsOf(log).filter((line) => OF_ALL.test(line))).toEqual([]);
  });
});
