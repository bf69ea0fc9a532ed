import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { Cluster } from 'ioredis';
import { from, lastValueFrom, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClosedError, RequestTimeoutError, RedisPubSubRecordBuilder } from 'nestjs-redis-pubsub';
import { useCluster } from '../../support/cluster.js';
import { closeAfterTest } from '../../support/app.js';
import { SECURITY_PAGE, SERVICE_ACL } from '../../support/security-page.js';
import { eventually } from '../../support/redis.js';
import { outcomeOf } from '../../support/nest-app.js';
import type { ServerProcess } from '../../support/sentinel.js';
import { at, startClusterApp, subscriberNode } from './cluster-app.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';

@Controller()
class Handlers {
  readonly received: unknown[] = [];

  @EventPattern<string>('event.:id')
  onEvent(@Payload() data: unknown) {
    this.received.push(data);
  }

  @MessagePattern('sum')
  sum(@Payload() numbers: number[]) {
    return numbers.reduce((sum, it) => sum + it, 0);
  }

  @MessagePattern('count')
  count(@Payload() to: number) {
    return from(Array.from({ length: to }, (_, i) => i));
  }
}

const handlers = { controllers: [Handlers] };

@Controller()
class ShardHandler {
  @MessagePattern('shard.sum', { sharded: true })
  sum(@Payload() numbers: number[]) {
    return numbers.reduce((sum, it) => sum + it, 0);
  }
}

/** Whether a node was asked for the topology. Redis 6.2 does not count the subcommands of CLUSTER separately. */
const isAsked = async ({ client }: ServerProcess): Promise<boolean> =>
  /^cmdstat_cluster(\|nodes)?:/m.test(await client.info('commandstats'));

describe('an application over a Cluster', () => {
  const cluster = useCluster();
  const nodes = () => cluster().startupNodes;

  it('receives the events of every other application, whichever nodes they are connected to', async () => {
    const apps = await Promise.all(
      cluster().nodes.map((node) => startClusterApp({ connection: at(node) }, handlers)),
    );
    expect(apps.map(({ subscriberPort }) => subscriberPort())).toEqual(
      cluster().nodes.map(({ port }) => port),
    );
    for (const [i, { client }] of apps.entries()) {
      await lastValueFrom(client.emit(`event.${i}`, i));
    }
    for (const { app } of apps) {
      await eventually(() => app.get(Handlers).received.length === 6);
      expect(app.get(Handlers).received.toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });

  it('publishes every message through one node', async () => {
    const { service, publisherPorts } = await startClusterApp({ connection: { nodes: nodes() } });
    await Promise.all(cluster().nodes.map(({ client }) => client.config('RESETSTAT')));
    for (let i = 0; i < 20; i++) await service.publish(`through.${i}`, i);
    const published = await Promise.all(
      cluster().nodes.map(async ({ client, port }) => {
        const stats = await client.info('commandstats');
        return stats.includes('cmdstat_publish:') ? [port] : [];
      }),
    );
    expect(published.flat()).toEqual(publisherPorts());
  });

  it('delivers 2,000 awaited publishes at other nodes in the order of each channel', async () => {
    const [publisher, ...others] = await Promise.all(
      cluster().nodes.map((node) => startClusterApp({ connection: at(node) })),
    );
    const received = others.map(() => new Map<string, number[]>());
    for (const [i, { service }] of others.entries()) {
      await service.subscribePattern<number>('keyed.*', ({ channel, data }) => {
        const seen = received[i]?.get(channel) ?? [];
        received[i]?.set(channel, [...seen, data]);
      });
    }
    const channels = Array.from({ length: 10 }, (_, i) => `keyed.${i}`);
    for (let i = 0; i < 200; i++) {
      for (const channel of channels) await publisher?.service.publish(channel, i);
    }
    const all = Array.from({ length: 200 }, (_, i) => i);
    for (const seen of received) {
      await eventually(() => channels.every((channel) => seen.get(channel)?.length === 200));
      expect(channels.map((channel) => seen.get(channel))).toEqual(channels.map(() => all));
    }
  });

  it('answers requests, whichever nodes client and server are connected to', async () => {
    for (const node of cluster().nodes) {
      const { client } = await startClusterApp({ connection: at(node) });
      const server = await startClusterApp({ connection: { nodes: nodes() } }, handlers);
      expect(await lastValueFrom(client.send('sum', [1, 2, 3]))).toBe(6);
      await server.app.close();
    }
  });

  it('gathers the replies of servers at all nodes, up to max', async () => {
    const [asking] = await Promise.all(
      cluster().nodes.map((node) => startClusterApp({ connection: at(node) }, handlers)),
    );
    const replies$ = asking!.client.sendAll('sum', [1, 2], { max: 6 });
    expect(await lastValueFrom(replies$.pipe(toArray()))).toEqual(
      cluster().nodes.map(() => ({ value: 3 })),
    );
  });

  it('gathers the replies of all servers of a shard channel, whose number Redis tells', async () => {
    const [asking] = await Promise.all(
      cluster().nodes.map((node) =>
        startClusterApp({ connection: at(node) }, { controllers: [ShardHandler] }),
      ),
    );
    const request = new RedisPubSubRecordBuilder([1, 2]).setSharded().build();
    const replies$ = asking!.client.sendAll('shard.sum', request);
    expect(await lastValueFrom(replies$.pipe(toArray()))).toEqual(
      cluster().nodes.map(() => ({ value: 3 })),
    );
    const none = new RedisPubSubRecordBuilder([]).setSharded().build();
    const nothing$ = asking!.client.sendAll('shard.none', none);
    expect(await lastValueFrom(nothing$.pipe(toArray()))).toEqual([]);
  });

  it('streams all replies in order', async () => {
    const [, one, , , other] = cluster().nodes;
    const [asking] = await Promise.all([
      startClusterApp({ connection: at(one!) }),
      startClusterApp({ connection: at(other!) }, handlers),
    ]);
    const values = await lastValueFrom(asking.client.send<number>('count', 500).pipe(toArray()));
    expect(values).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  it('rejects a request without a handler with RequestTimeoutError, not with NoSubscribersError', async () => {
    const { client } = await startClusterApp({ connection: { nodes: nodes() } });
    const request = new RedisPubSubRecordBuilder([]).setTimeout(300).build();
    const { values, error } = await outcomeOf(client.send('none', request));
    expect(values).toEqual([]);
    expect(error).toBeInstanceOf(RequestTimeoutError);
  });

  it('counts the subscribers at all nodes', async () => {
    const apps = await Promise.all(
      cluster().nodes.map((node) => startClusterApp({ connection: at(node) })),
    );
    for (const { service } of apps) await service.subscribe('counted.all', () => undefined);
    for (const [i, { service }] of apps.entries()) {
      await service.subscribe(`counted.${i}`, () => undefined);
      await service.subscribePattern(`counted.${i}.*`, () => undefined);
    }
    for (const { service } of apps) {
      expect(await service.subscriberCounts('counted.all', 'counted.4', 'counted.none')).toEqual({
        'counted.all': 6,
        'counted.4': 1,
        'counted.none': 0,
      });
      expect(await service.channels('counted.*')).toHaveLength(7);
      expect(await service.patternCount()).toBe(6);
    }
  });

  it('connects to nodes at the addresses that natMap returns', async () => {
    const map: Record<string, { host: string; port: number }> = {};
    for (const { port } of cluster().nodes) {
      map[`127.0.0.1:${port}`] = { host: 'localhost', port };
    }
    for (const natMap of [map, (address: string) => map[address] ?? null]) {
      const started = await startClusterApp({
        connection: { nodes: nodes(), options: { natMap } },
      });
      const hosts = started.client.unwrap<{ options: { host: string } }[]>().slice(0, -1);
      expect(hosts.map(({ options }) => options.host)).toEqual(['localhost']);
      const received: unknown[] = [];
      await started.service.subscribe('mapped', ({ data }) => received.push(data));
      await started.service.publish('mapped', 1);
      await eventually(() => received.length === 1);
      await started.app.close();
    }
  });

  it('leaves no connection to any node after close', async () => {
    expect(await cluster().connections()).toEqual([]);
    const apps = await Promise.all(
      cluster().nodes.map((node) => startClusterApp({ connection: at(node) }, handlers)),
    );
    // Each application has a publisher and a subscriber; a topology refresh may add a connection.
    await eventually(async () => (await cluster().connections()).length >= 12);
    await Promise.all(apps.map(({ app }) => app.close()));
    await eventually(async () => (await cluster().connections()).length === 0);
  });

  it('has no connection at the moment when close resolves', async () => {
    for (let i = 0; i < 10; i++) {
      const options = { slotsRefreshInterval: 1 };
      const started = await startClusterApp({ connection: { nodes: nodes(), options } });
      await started.service.subscriberCounts('any');
      await started.app.close();
      expect(await cluster().connections()).toEqual([]);
    }
  });

  it('uses the nodes and the options of a Cluster client, and leaves the client open', async () => {
    const own = new Cluster(nodes());
    closeAfterTest(async () => own.disconnect());
    await own.set('own', 'mine');
    const started = await startClusterApp({ connection: own }, handlers);
    await lastValueFrom(started.client.emit('event.1', 'x'));
    await eventually(() => started.app.get(Handlers).received.length === 1);
    await started.app.close();
    expect(await own.get('own')).toBe('mine');
  });

  it.runIf(HAS_SHARDED)(
    `opens no connection for shard channels after close${IF_SHARDED}`,
    async () => {
      const started = await startClusterApp({ connection: { nodes: nodes() } });
      await started.app.close();
      const published = started.service.publish('late.shard', 1, { sharded: true });
      await expect(published).rejects.toThrow(ClosedError);
      expect(await cluster().connections()).toEqual([]);
    },
  );

  const setUser = (...more: string[]) =>
    Promise.all(cluster().nodes.map(({ client }) => client.call('ACL', ...SERVICE_ACL, ...more)));

  it('needs one permission more than the ACL of a service on one server', async () => {
    const options = { redisOptions: { username: 'shop', password: 'secret' } };
    const start = (startTimeout: number) =>
      startClusterApp({ connection: { nodes: nodes(), options }, prefix: 'shop:', startTimeout });
    await setUser();
    await expect(start(3_000)).rejects.toThrow('NOPERM');
    expect(SECURITY_PAGE).toContain('in a Cluster: `+cluster|nodes`');
    await setUser('+cluster|nodes');
    const { service } = await start(30_000);
    const received: unknown[] = [];
    await service.subscribe('news', ({ data }) => received.push(data));
    await service.publish('news', 1);
    await eventually(() => received.length === 1);
  });

  it('asks another node for the topology at each refresh', async () => {
    const options = { slotsRefreshInterval: 5 };
    await startClusterApp({ connection: { nodes: nodes(), options } });
    await Promise.all(cluster().nodes.map(({ client }) => client.config('RESETSTAT')));
    for (const node of cluster().nodes) {
      await eventually(() => isAsked(node));
      expect(await isAsked(node)).toBe(true);
    }
  });

  it('connects to different nodes in different applications', async () => {
    const ports = new Set<number>();
    for (let i = 0; i < 12; i++) {
      const started = await startClusterApp({ connection: { nodes: nodes() } });
      ports.add(subscriberNode(cluster(), started).port);
      await started.app.close();
    }
    expect(ports.size).toBeGreaterThan(1);
  });
});
