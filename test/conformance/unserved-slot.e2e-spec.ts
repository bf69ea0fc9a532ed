import { whenSubscribed } from '../../src/broker/broker.js';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually, plain, useRedis } from '../support/redis.js';
import { Collector } from './collector.js';
import { createTestBroker } from './test-broker.js';
import { HAS_SHARDED, IF_SHARDED } from '../support/sharded.js';

const CONFIG = join(tmpdir(), `nodes-${randomUUID()}.conf`);

describe.runIf(HAS_SHARDED)(`a shard channel whose slot has no owner${IF_SHARDED}`, () => {
  const redis = useRedis(['--cluster-enabled', 'yes', '--cluster-config-file', CONFIG]);
  afterAll(() => rm(CONFIG, { force: true }));

  /** The number of SSUBSCRIBE commands that Redis refused. */
  const refusals = async (): Promise<number> => {
    const stats = await redis.client.info('commandstats');
    return Number(/cmdstat_ssubscribe:.*rejected_calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };

  it('is subscribed when the slot gets an owner, also at a single server', async () => {
    const broker = createTestBroker(plain(redis.port));
    await broker.connect(10_000);
    const collector = new Collector();
    const subscribed = whenSubscribed(broker, { kind: 'shard', name: 'news' }, collector);
    await eventually(async () => (await refusals()) > 0);
    await redis.client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await subscribed;
    expect(await refusals()).toBeGreaterThan(0);
  });
});
