import { afterEach, describe, expect, it, vi } from 'vitest';
import { RedisBroker } from '../../../src/broker/redis-broker.js';
import { closeAfterTest } from '../../support/app.js';
import { eventually, plain, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { startService } from '../module/service-app.js';

const history = { 'news.*': { size: 20, ttl: 60_000 } };

type ReadLists = RedisBroker['readLists'];

describe('an observer with recover, after a failover', () => {
  const master = useRedis([]);
  // Each test replaces its data.
  const replica = useRedis(['--repl-diskless-load', 'swapdb']);

  afterEach(() => void vi.restoreAllMocks());

  /**
   * A reader has message 1. While it is away, message 2 is published at a master whose replica does not receive it. That
   * replica takes over, and message 3 is published there. Returns what the reader finds.
   */
  async function failOver(channel: string): Promise<readonly unknown[]> {
    await replica.client.replicaof('127.0.0.1', master.port);
    const before = await startService(master, { history });
    const proxy = await startProxy(master.port);
    closeAfterTest(() => proxy.stop());
    const connection = { ...plain(proxy.port), retryStrategy: () => 20 };
    const reader = await startService(master, { connection, history });
    const found: unknown[] = [];
    const onSubscribed = ({ recovered }: { readonly recovered: boolean }): void =>
      void found.push(recovered ? 'recovered' : 'lost');
    const messages = reader.service.observe(channel, { recover: true, onSubscribed });
    const subscription = messages.subscribe(({ data }) => found.push(data));
    closeAfterTest(async () => subscription.unsubscribe());
    await eventually(() => found.length === 1);
    await before.service.publish(channel, 1);
    await eventually(() => found.length === 2);
    await eventually(async () => (await replica.client.llen(`_pubsub.history:{${channel}}`)) === 1);
    // The link to the master is gone, and the data stays.
    await replica.client.replicaof('127.0.0.1', 1);
    proxy.retarget(1);
    proxy.cut();
    await before.service.publish(channel, 2);
    await replica.client.replicaof('NO', 'ONE');
    const after = await startService(replica, { history });
    await after.service.publish(channel, 3);
    proxy.retarget(replica.port);
    await eventually(() => found.length > 2);
    await after.service.publish(channel, 4);
    await eventually(() => found.at(-1) === 4);
    return found;
  }

  it('is told that messages are lost, since the replica may not have had all of them', async () => {
    expect(await failOver('news.a')).toEqual(['lost', 1, 'lost', 4]);
  });

  /**
   * A reader has message 1, and is away. The replica takes over, and message 2 is published there. The old master does not
   * receive it, and is the master again, as the same process. Returns what the reader finds, and a read over a
   * connection that has stayed.
   */
  async function failBack(channel: string): Promise<readonly unknown[]> {
    await replica.client.replicaof('127.0.0.1', master.port);
    const stayed = await startService(master, { history });
    const proxy = await startProxy(master.port);
    const connection = { ...plain(proxy.port), retryStrategy: () => 20 };
    const reader = await startService(master, { connection, history });
    const found: unknown[] = [];
    const onSubscribed = ({ recovered }: { readonly recovered: boolean }): void =>
      void found.push(recovered ? 'recovered' : 'lost');
    const messages = reader.service.observe(channel, { recover: true, onSubscribed });
    const subscription = messages.subscribe(({ data }) => found.push(data));
    closeAfterTest(async () => subscription.unsubscribe());
    await eventually(() => found.length === 1);
    await stayed.service.publish(channel, 1);
    await eventually(() => found.length === 2);
    const since = await stayed.service.position(channel);
    await eventually(async () => (await replica.client.llen(`_pubsub.history:{${channel}}`)) === 1);
    await proxy.stop();
    // A master that nothing answers: the data stays.
    await master.client.replicaof('127.0.0.1', 1);
    await replica.client.replicaof('NO', 'ONE');
    const { service } = await startService(replica, { history });
    await service.publish(channel, 2);
    await master.client.replicaof('NO', 'ONE');
    found.push((await stayed.service.history(channel, { since })).recovered);
    await proxy.start();
    await eventually(() => found.length > 3);
    await stayed.service.publish(channel, 3);
    await eventually(() => found.at(-1) === 3);
    return found;
  }

  it('is told that messages are lost where a master without them is the master again', async () => {
    expect(await failBack('news.c')).toEqual(['lost', 1, false, 'lost', 3]);
  });

  it('would have a hole if it knew a master by its run_id alone', async () => {
    const own = Object.getOwnPropertyDescriptor(RedisBroker.prototype, 'readLists');
    const { value: readLists } = own as { value: ReadLists };
    vi.spyOn(RedisBroker.prototype, 'readLists').mockImplementation(async function (
      this: RedisBroker,
      ...args: Parameters<ReadLists>
    ) {
      const ends = await readLists.apply(this, args);
      return ends.map((end) => ({ ...end, serverId: end.runId }));
    });
    expect(await failBack('news.d')).toEqual(['lost', 1, true, 'recovered', 3]);
  });

  it('would have a hole if it trusted the history of another server', async () => {
    const own = Object.getOwnPropertyDescriptor(RedisBroker.prototype, 'readLists');
    const { value: readLists } = own as { value: ReadLists };
    vi.spyOn(RedisBroker.prototype, 'readLists').mockImplementation(async function (
      this: RedisBroker,
      ...args: Parameters<ReadLists>
    ) {
      const ends = await readLists.apply(this, args);
      return ends.map((end) => ({ ...end, serverId: 'the-same-server' }));
    });
    expect(await failOver('news.b')).toEqual(['lost', 1, 'recovered', 3, 4]);
  });
});
