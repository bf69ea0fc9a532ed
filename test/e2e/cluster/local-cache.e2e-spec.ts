import { describe, expect, it } from 'vitest';
import { LocalCache } from 'nestjs-redis-pubsub/cache';
import { useCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';
import { at, startClusterApp } from './cluster-app.js';

describe('a local cache over a Cluster', () => {
  const cluster = useCluster();

  async function start(sharded: boolean) {
    const versions = { a: 0 };
    const apps = await Promise.all(
      cluster().nodes.map((node) => startClusterApp({ connection: at(node) })),
    );
    const caches = apps.map(
      ({ service }) => new LocalCache<number>(service, { channel: 'cluster.invalidated', sharded }),
    );
    const read = (cache: LocalCache<number>) => cache.get('a', () => versions.a);
    const areKept = (version: number) =>
      eventually(async () => {
        await Promise.all(caches.map(read));
        return caches.every((cache) => cache.peek('a') === version);
      });
    await areKept(0);
    return { versions, apps, caches, read, areKept };
  }

  it.each([['classic', false], ...(HAS_SHARDED ? [['sharded', true] as const] : [])] as const)(
    'removes a value at all instances by a %s message',
    async (_, sharded) => {
      const { versions, caches, areKept } = await start(sharded);
      for (const cache of caches) {
        versions.a++;
        await cache.invalidate('a');
        await areKept(versions.a);
      }
      expect(versions.a).toBe(caches.length);
    },
  );

  it('has no old value after connections were lost', async () => {
    const { versions, apps, caches, read } = await start(false);
    const [node] = cluster().nodes;
    await node?.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    versions.a++;
    await caches[1]?.invalidate('a');
    await eventually(async () => {
      const values = await Promise.all(caches.map(read));
      return values.every((value) => value === 1);
    });
    await eventually(() => apps.every(({ service }) => service.status === 'connected'));
    expect(await Promise.all(caches.map(read))).toEqual(caches.map(() => 1));
  });
});
