import { describe, expect, it } from 'vitest';
import { useCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';
import { OrderHandlers, startInstance, type Instance } from '../introspection/fleet.js';

/** Of a classic Cluster no one knows how many instances there are: a question takes its whole time. */
const timeout = 1_000;

describe.runIf(HAS_SHARDED).each([false, true])(
  'introspection in a Cluster, sharded: %s',
  (sharded) => {
    const cluster = useCluster();

    const start = (name: string, prefix: string, handles = false): Promise<Instance> =>
      startInstance(
        {} as never,
        { connection: { nodes: cluster().startupNodes }, name, prefix, sharded },
        // A pattern cannot be sharded.
        handles && !sharded ? { controllers: [OrderHandlers] } : {},
      );

    it('sees each instance, whichever node it is at', async () => {
      const instances = await Promise.all(
        ['a', 'b', 'c', 'd'].map((it) => start(it, 'seen:', true)),
      );
      const { inspector } = instances[0] as Instance;
      const found = await inspector.instances({ timeout });
      expect(found.instances.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
      expect(found.instances.map(({ access }) => access.topology)).toEqual(
        Array(4).fill('cluster'),
      );
    });

    it('adds up the subscribers of a channel at all nodes', async () => {
      const instances = await Promise.all(['a', 'b', 'c'].map((it) => start(it, 'sums:')));
      for (const { service } of instances) await service.subscribe('news', () => undefined);
      const { inspector } = instances[0] as Instance;
      const kind = sharded ? 'shard' : 'channel';
      const news = { channel: 'news', kind, subscribers: 3 };
      expect((await inspector.channels({ timeout })).channels).toContainEqual(news);
    });

    it('finds channels that no instance hears, and no others', async () => {
      const [one, other] = await Promise.all([start('one', 'un:'), start('other', 'un:', true)]);
      await other.service.subscribe('heard', () => undefined);
      await one.service.publish('heard', 1);
      for (let i = 0; i < 3; i++) await one.service.publish('unheard', i);
      if (!sharded) await one.service.publish('order.7', 1);
      await eventually(async () => {
        const { channels } = await one.inspector.unheard({ timeout });
        expect(channels).toMatchObject([
          { channel: 'unheard', messages: 3, publishers: ['one'], isCertain: sharded },
        ]);
        return true;
      });
    });
  },
);
