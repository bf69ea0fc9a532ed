import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../support/app.js';
import { eventually } from '../support/redis.js';
import { SentinelSet } from '../support/sentinel.js';
import { becomes, CollectedLog } from './collector.js';
import { createTestBroker } from './test-broker.js';

/** The number of clients that are subscribed to the failover messages of the sentinels. */
async function listeners({ sentinels }: SentinelSet): Promise<number> {
  const lists = await Promise.all(
    sentinels.map(({ client }) => client.call('CLIENT', 'LIST', 'TYPE', 'pubsub')),
  );
  return lists.flatMap((list) => String(list).trim().split('\n')).filter(Boolean).length;
}

describe('a broker over sentinels', () => {
  it('closes its subscriptions to the sentinels, even when its retryStrategy gave up before', async () => {
    const set = await SentinelSet.start();
    closeAfterTest(() => set.stop());
    const broker = createTestBroker({
      sentinels: set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
      name: set.name,
      retryStrategy: () => null,
    });
    expect(await listeners(set)).toBe(0);
    await broker.connect(10_000);
    await eventually(async () => (await listeners(set)) > 0);
    const master = await set.master();
    for (const { stream } of broker.clients()) {
      const { localPort } = stream;
      await master.client.call('CLIENT', 'KILL', 'ADDR', `127.0.0.1:${localPort}`);
    }
    await eventually(() => broker.status === 'disconnected');
    expect(await listeners(set)).toBeGreaterThan(0);
    await broker.close();
    await eventually(async () => (await listeners(set)) === 0);
  });

  it('logs the address of the master that it is connected to', async () => {
    const set = await SentinelSet.start();
    closeAfterTest(() => set.stop());
    const log = new CollectedLog();
    const sentinels = set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const broker = createTestBroker({ sentinels, name: set.name }, { log });
    await broker.connect(10_000);
    const { port } = await set.master();
    await eventually(() => log.lines.some((line) => line.startsWith('log: Connected')));
    expect(log.lines.join()).toContain(`of the sentinels (at 127.0.0.1:${port}, database 0)`);
  });

  it('over a client of the user’s own asks each sentinel in turn while all but the last one hang', async () => {
    const set = await SentinelSet.start();
    closeAfterTest(() => set.stop());
    const sentinels = set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
    const own = new Redis({ sentinels, name: set.name });
    closeAfterTest(async () => own.disconnect());
    const broker = createTestBroker(own);
    await broker.connect(10_000);
    for (const sentinel of set.sentinels.slice(0, -1)) sentinel.hang();
    const lost = becomes(broker, 'reconnecting');
    const [, subscriber] = broker.clients();
    subscriber?.stream.destroy();
    await lost;
    await becomes(broker, 'connected');
    expect(subscriber?.status).toBe('ready');
  });
});
