import { lastValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionError } from 'nestjs-redis-pubsub';
import { createClient } from '../../support/app.js';
import { serveAlone, useCluster, useLoneNode } from '../../support/cluster.js';
import { eventually, plain, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { failureOf } from '../module/apps.js';
import { at, startClusterApp } from './cluster-app.js';

/** Long enough for a refused connection or a reply, so that the error names the cause. */
const startTimeout = 2_000;

let lastDead = 0;

/** A port that no process listens on. A free port may be assigned to the server of another test. */
const deadPort = (): number => (lastDead++ % 6) + 1;

const dead = () => plain(deadPort());

describe('the start of an application over a Cluster', () => {
  const cluster = useCluster();
  const redis = useRedis();
  afterEach(() => cluster().recover());

  describe.each(['wait', 'fail', 'background'] as const)("with onStart: '%s'", (onStart) => {
    it.each([0, 1, 2])('succeeds while startup node %i is down', async (place) => {
      const nodes = cluster().startupNodes.slice(0, 3);
      nodes[place] = { host: '127.0.0.1', port: deadPort() };
      const { service, becomes } = await startClusterApp({ connection: { nodes }, onStart });
      await becomes('connected');
      const received: unknown[] = [];
      await service.subscribe('started', ({ data }) => received.push(data));
      // On a busy machine nodes sometimes mark each other as failed, and lose messages between them.
      await eventually(async () => {
        await service.publish('started', 1);
        return received.length > 0;
      });
      expect(new Set(received)).toEqual(new Set([1]));
    });
  });

  it.each([0, 1, 2])('a client publishes while startup node %i is down', async (place) => {
    const nodes = cluster().startupNodes.slice(0, 3);
    nodes[place] = { host: '127.0.0.1', port: deadPort() };
    const client = createClient({ connection: { nodes } });
    expect(await lastValueFrom(client.emit('started', 1))).toBe(0);
  });

  it('rejects with the reason after startTimeout when all startup nodes are down', async () => {
    const nodes = [dead(), dead()];
    const failure = await failureOf(startClusterApp({ connection: { nodes }, startTimeout }));
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(failure.message).toMatch(/unreachable|No node of the Cluster is reachable/);
    expect(failure.message).toContain('connect ECONNREFUSED 127.0.0.1:');
  });

  it("rejects at once when all startup nodes are down, with onStart: 'fail'", async () => {
    const nodes = [dead(), dead()];
    const failure = await failureOf(startClusterApp({ connection: { nodes }, onStart: 'fail' }));
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(failure.message).toContain('connect ECONNREFUSED 127.0.0.1:');
  });

  it("resolves while all startup nodes are down, and connects when one starts, with onStart: 'background'", async () => {
    const proxy = await startProxy(cluster().nodes[0]!.port);
    await proxy.stop();
    const nodes = [dead(), plain(proxy.port)].map(({ port }) => ({ port: port! }));
    const { service, log, becomes } = await startClusterApp({
      connection: { nodes },
      onStart: 'background',
      startTimeout,
    });
    const received: unknown[] = [];
    const subscribed = service.subscribe('later', ({ data }) => received.push(data));
    const published = failureOf(service.publish('later', 0));
    await eventually(() => log.of('error').length > 0);
    expect(log.of('error')[0]).toMatch(/^Started without Redis; retrying: .*ECONNREFUSED/);
    expect(await published).toBeInstanceOf(ConnectionError);

    await proxy.start();
    await becomes('connected');
    await subscribed;
    await service.publish('later', 1);
    await eventually(() => received.length === 1);
    expect(received).toEqual([1]);
  });

  it('rejects at once with WRONGPASS when the password is wrong', async () => {
    await cluster().addUser('app', 'right', '&*');
    const connection = (password: string) => ({
      nodes: cluster().startupNodes,
      options: { redisOptions: { username: 'app', password } },
    });
    // Longer than the test may take.
    const failure = await failureOf(
      startClusterApp({ connection: connection('wrong'), startTimeout: 1_000_000 }),
    );
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(failure.message).toContain('WRONGPASS');
    await startClusterApp({ connection: connection('right') });
  });

  it('rejects with the reason when the server is no Cluster', async () => {
    const nodes = [plain(redis.port)].map(({ port }) => ({ port: port! }));
    const failure = await failureOf(startClusterApp({ connection: { nodes }, startTimeout }));
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(failure.message).toContain('cluster support disabled');
  });

  it('skips a startup node that accepts connections and never answers', async () => {
    const proxy = await startProxy(cluster().nodes[0]!.port);
    proxy.swallow();
    const nodes = [proxy.port, cluster().nodes[1]!.port, proxy.port];
    const { becomes, publisherPorts } = await startClusterApp({ connection: { nodes } });
    await becomes('connected');
    expect(publisherPorts()).toHaveLength(1);
  });

  it('succeeds during a failover', async () => {
    const [master, other] = await cluster().masters();
    await master!.kill();
    const { becomes, publisherPorts } = await startClusterApp({ connection: at(other!) });
    await becomes('connected');
    expect(publisherPorts()).not.toContain(master!.port);
  });

  it("stops when the application closes before it is connected, with onStart: 'background'", async () => {
    const nodes = [dead(), dead()];
    const { app, log } = await startClusterApp({ connection: { nodes }, onStart: 'background' });
    await app.close();
    expect(log.of('error')).toEqual([]);
  });
});

describe('a startup node that is a member of no Cluster', () => {
  const cluster = useCluster();
  const lone = useLoneNode();

  it('is skipped when another startup node is a member', async () => {
    for (const nodes of [
      [lone(), cluster().nodes[0]!],
      [cluster().nodes[0]!, lone()],
    ]) {
      const { service, subscriberPort } = await startClusterApp({
        connection: { nodes: nodes.map(({ port }) => port) },
        probeInterval: 100,
      });
      const received: unknown[] = [];
      await service.subscribe('passed', ({ data }) => received.push(data));
      await eventually(async () => {
        await service.publish('passed', 1);
        return received.length > 0;
      });
      expect(subscriberPort()).not.toBe(lone().port);
    }
  });

  it('rejects the start after startTimeout when it is the only startup node', async () => {
    const connection = at(lone());
    const failure = await failureOf(startClusterApp({ connection, startTimeout: 300 }));
    expect(failure).toBeInstanceOf(ConnectionError);
  });
});

describe('a Cluster that is replaced by another one at the same address', () => {
  const [old, replacement] = [useLoneNode(), useLoneNode()];

  it('is found again through its startup nodes', async () => {
    await serveAlone(old(), 5);
    await serveAlone(replacement(), 1);
    const proxy = await startProxy(old().port);
    const started = await startClusterApp({ connection: { nodes: [proxy.port] } });
    const received: unknown[] = [];
    await started.service.subscribe('replaced', ({ data }) => received.push(data));
    await old().kill();
    proxy.retarget(replacement().port);
    await started.becomes('reconnecting');
    await started.becomes('connected');
    await started.service.publish('replaced', 1);
    await eventually(() => received.length === 1);
    expect(started.publisherPorts()).toEqual([replacement().port]);
  });
});
