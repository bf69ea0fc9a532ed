import { describe, expect, it } from 'vitest';
import {
  whenSubscribed,
  type BrokerStatus,
  type DeliveryListener,
} from '../../src/broker/broker.js';
import type { RedisBroker } from '../../src/broker/redis-broker.js';
import { eventually, plain, useRedis } from '../support/redis.js';
import { Collector, becomes } from './collector.js';
import { createTestBroker } from './test-broker.js';

/** Also counts how often Redis refused its subscription. */
class RefusalCollector extends Collector implements DeliveryListener {
  refusals = 0;

  onRefused(): void {
    this.refusals++;
  }
}

describe('the status of a broker whose user may not subscribe to every channel', () => {
  const redis = useRedis();

  async function allow(...channels: string[]): Promise<void> {
    const rules = channels.map((channel) => `&${channel}`);
    await redis.client.acl('SETUSER', 'limited', 'on', '>pw', '+@all', 'resetchannels', ...rules);
  }

  async function open(): Promise<RedisBroker> {
    const broker = createTestBroker({ ...plain(redis.port), username: 'limited', password: 'pw' });
    await broker.connect(10_000);
    await becomes(broker, 'connected');
    return broker;
  }

  it('is not connected while Redis refuses a subscription that has listeners', async () => {
    await allow('open');
    const broker = await open();
    const refused = new RefusalCollector();
    broker.subscribe({ kind: 'channel', name: 'secret' }, refused);
    expect(broker.status).not.toBe('connected');
    await eventually(() => refused.refusals > 0);
    expect(broker.status).not.toBe('connected');
    await allow('open', 'secret');
    await becomes(broker, 'connected');
    expect(await broker.publish('secret', 'x')).toBe(1);
    await refused.receives(1);
  });

  it('is connected again when the refused subscription has no listeners any more', async () => {
    await allow('open', 'secret');
    const broker = await open();
    const [open_, secret] = [new Collector(), new RefusalCollector()];
    await whenSubscribed(broker, { kind: 'channel', name: 'open' }, open_);
    await whenSubscribed(broker, { kind: 'channel', name: 'secret' }, secret);
    // Redis closes connections that hold a subscription that is no longer allowed.
    await allow('open');
    await eventually(() => open_.gaps.length === 1 && secret.refusals > 0);
    const statuses: BrokerStatus[] = [broker.status];
    broker.onStatus((status) => statuses.push(status));
    broker.unsubscribe({ kind: 'channel', name: 'secret' }, secret);
    expect(statuses).toEqual(['reconnecting', 'connected']);
  });
});
