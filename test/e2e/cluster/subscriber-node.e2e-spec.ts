import { afterEach, describe, expect, it } from 'vitest';
import type { PubSubGap } from 'nestjs-redis-pubsub';
import { useCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import type { ServerProcess } from '../../support/sentinel.js';
import { at, startClusterApp, subscriberNode, type ClusterApp } from './cluster-app.js';

const HEARTBEAT = { pingInterval: 200, pingTimeout: 1_000 };

/** Subscribes to a channel and to a glob; records the messages and the gaps. */
async function listen({ service }: ClusterApp, name: string) {
  const received: unknown[] = [];
  const gaps: PubSubGap[] = [];
  const onSubscribed = (gap?: PubSubGap): void => void (gap && gaps.push(gap));
  await service.subscribe(`${name}.a`, ({ data }) => received.push(data), { onSubscribed });
  await service.subscribePattern(`${name}.:id`, ({ data }) => received.push(data), {
    onSubscribed,
  });
  return { received, gaps };
}

describe('when the node of the subscriber of an application', () => {
  const cluster = useCluster();
  afterEach(() => cluster().recover());

  const faults: [string, (node: ServerProcess) => unknown][] = [
    ['is killed', (node) => node.kill()],
    ['hangs', (node) => node.hang()],
  ];

  it.each(faults)('%s, it subscribes at another node, and reports the gap', async (_, inject) => {
    const replica = await cluster().replicaOf((await cluster().masters())[0]!);
    const started = await startClusterApp({ connection: at(replica), ...HEARTBEAT });
    const listener = await listen(started, 'moved');
    expect(subscriberNode(cluster(), started)).toBe(replica);

    const since = Date.now();
    await inject(replica);
    await started.becomes('reconnecting');
    await started.becomes('connected');
    expect(subscriberNode(cluster(), started)).not.toBe(replica);
    expect(listener.gaps).toHaveLength(2);
    for (const { from, to } of listener.gaps) {
      expect(from.getTime()).toBeLessThanOrEqual(since);
      expect(to.getTime()).toBeGreaterThanOrEqual(since);
      expect(to.getTime()).toBeLessThanOrEqual(Date.now());
    }
    await started.service.publish('moved.a', 'after');
    await eventually(() => listener.received.length === 2);
    expect(listener.received).toEqual(['after', 'after']);
  });

  it.each(faults)(
    '%s and is a master, it receives on the channels of the other masters during the failover',
    async (_, inject) => {
      const [master, other] = await cluster().masters();
      const started = await startClusterApp({ connection: at(master!), ...HEARTBEAT });
      const listener = await listen(started, 'both');
      const channel = await cluster().channelOf(other!, 'both');
      await inject(master!);
      await eventually(() => listener.gaps.length === 2);
      expect(subscriberNode(cluster(), started)).not.toBe(master);
      await started.service.publish(channel, 'others');
      await eventually(() => listener.received.includes('others'));
      await started.becomes('connected');
    },
  );

  it('is up and another node is down for good, queries are answered', async () => {
    const [master] = await cluster().masters();
    const replica = await cluster().replicaOf(master!);
    const { service, log } = await startClusterApp({ connection: at(master!) });
    await service.subscribe('asked', () => undefined);
    await replica.kill();
    await eventually(async () => {
      const counts = await service.subscriberCounts('asked').catch(() => ({}) as never);
      return counts['asked'] === 1;
    });
    expect(await service.channels('asked')).toEqual(['asked']);
    expect(log.of('warn').length).toBeLessThanOrEqual(1);
  });

  // The last test: Valkey 8.1.1 writes a wrong shard id of an adopted node, and does not start with it again.
  it('is removed from the Cluster and stays up, it subscribes at another node', async () => {
    const replica = await cluster().replicaOf((await cluster().masters())[0]!);
    const options = { slotsRefreshInterval: 20 };
    const connection = { ...at(replica), options };
    const started = await startClusterApp({ connection, probeInterval: 100 });
    const listener = await listen(started, 'removed');
    await cluster().remove(replica);
    try {
      await eventually(() => listener.gaps.length === 2);
      await started.becomes('connected');
      expect(subscriberNode(cluster(), started)).not.toBe(replica);
      await started.service.publish('removed.a', 'after');
      await eventually(() => listener.received.length === 2);
    } finally {
      await cluster().adopt(replica);
    }
  });
});
