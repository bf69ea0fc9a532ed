import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { whenSubscribed, type BrokerStatus } from '../../src/broker/broker.js';
import { eventually, useRedis } from '../support/redis.js';
import { Collector, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';

const FOLDER = join(tmpdir(), `redis-${randomUUID()}`);
mkdirSync(FOLDER);

describe('a server that cannot save to its disk', () => {
  const redis = useRedis(['--save', '3600', '1', '--dir', FOLDER]);
  afterAll(async () => {
    // Redis does not shut down while it has to save and cannot.
    await redis.client.config('SET', 'save', '');
    rmSync(FOLDER, { recursive: true, force: true });
  });

  /** The number of commands that Redis refused because it cannot save. */
  const refusals = async (): Promise<number> => {
    const stats = await redis.client.info('errorstats');
    return Number(/errorstat_MISCONF:count=(\d+)/.exec(stats)?.[1] ?? 0);
  };

  it('stays connected: Redis refuses PING and still delivers messages', async () => {
    rmSync(FOLDER, { recursive: true });
    await redis.client.bgsave();
    await eventually(() =>
      redis.client.ping().then(
        () => false,
        () => true,
      ),
    );
    const broker = createTestBroker(redis.url, { pingInterval: 5, pingTimeout: 60_000 });
    const statuses: BrokerStatus[] = [];
    const collector = new Collector();
    const channel = unique('unsaved');
    await broker.connect(10_000);
    await whenSubscribed(broker, { kind: 'channel', name: channel }, collector);
    broker.onStatus((status) => statuses.push(status));
    await eventually(async () => (await refusals()) > 10);
    expect(await broker.publish(channel, 'x')).toBe(1);
    await collector.receives(1);
    expect(statuses).toEqual([]);
  });
});
