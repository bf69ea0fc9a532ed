import { describe, expect, it } from 'vitest';
import { PubSubInspector } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';
import { SentinelSet } from '../../support/sentinel.js';
import { OrderHandlers, startInstance, timeout } from './fleet.js';

describe('introspection with Sentinel', () => {
  it('sees the instances at the master, and again after a failover', async () => {
    const set = await SentinelSet.start();
    closeAfterTest(() => set.stop());
    const sentinels = set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const connection = { sentinels, name: set.name };
    const options = { connection, prefix: 'watched:' };
    for (const name of ['orders', 'users']) {
      await startInstance({} as never, { ...options, name }, { controllers: [OrderHandlers] });
    }
    const inspector = new PubSubInspector(options);
    closeAfterTest(() => inspector.close());
    const found = await inspector.instances({ timeout });
    expect(found.instances.map(({ name }) => name)).toEqual(['orders', 'users']);
    expect(found.instances.map(({ access }) => access.topology)).toEqual(['sentinel', 'sentinel']);
    expect({ missing: found.missing, silent: found.silent }).toEqual({ missing: [], silent: 0 });

    const master = await set.master();
    await set.failOver();
    await set.failedOver(master);
    await eventually(async () => {
      const { instances } = await inspector.stats({ timeout: 1_000 });
      return instances.length === 2 && instances.every(({ reconnects }) => reconnects > 0);
    });
    const { channels } = await inspector.channels({ timeout });
    expect(channels).toContainEqual({ channel: 'order.get', kind: 'channel', subscribers: 2 });
    const { patterns } = await inspector.patterns({ timeout });
    expect(patterns).toMatchObject([{ pattern: 'order.*', instances: 2 }]);
  });
});
