import { Injectable } from '@nestjs/common';
import { Key, OnKey, OnKeyEvent, RedisPubSubServer, type HandlerGap } from 'nestjs-redis-pubsub';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { useCluster, type TestCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import type { ServerProcess } from '../../support/sentinel.js';
import { startClusterApp, type ClusterApp } from '../cluster/cluster-app.js';

const configure = async ({ nodes }: TestCluster, flags: string): Promise<void> => {
  for (const { client } of nodes) await client.config('SET', 'notify-keyspace-events', flags);
};

const cluster = useCluster((made) => configure(made, 'AKE'));

/** Sets a key at the owner of its slot, which expires soon. */
async function expire(key: string): Promise<void> {
  const { client } = await cluster().ownerOf(key);
  await client.set(key, 1, 'PX', 20);
}

const keysNamed = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `session:${name}:${i}`);

interface Listening extends ClusterApp {
  /** How often each key has expired, as the handler was told. */
  readonly heard: Map<string, number>;
  readonly gaps: HandlerGap[];
}

async function listen(): Promise<Listening> {
  const heard = new Map<string, number>();
  @Injectable()
  class Sessions {
    @OnKeyEvent('expired', 'session:*')
    onExpired(@Key() key: string) {
      heard.set(key, (heard.get(key) ?? 0) + 1);
    }
  }
  const app = await startClusterApp(
    { connection: { nodes: cluster().startupNodes }, pingInterval: 200, pingTimeout: 1_000 },
    { providers: [Sessions] },
  );
  const gaps: HandlerGap[] = [];
  app.app.get(RedisPubSubServer).gaps.subscribe((gap) => gaps.push(gap));
  await eventually(async () => (await subscribedPorts()).length === 3);
  return { ...app, heard, gaps };
}

/** The ports of the nodes that have a subscriber of the event. */
async function subscribedPorts(): Promise<number[]> {
  const counts = await Promise.all(
    cluster()
      .nodes.filter(({ answers }) => answers)
      .map(async ({ client, port }) => {
        const [, count] = await client.pubsub('NUMSUB', '__keyevent@0__:expired');
        return Number(count) > 0 ? [port] : [];
      }),
  );
  return counts.flat().toSorted();
}

const portsOf = (nodes: readonly ServerProcess[]): number[] =>
  nodes.map(({ port }) => port).toSorted();

async function expireAll({ heard }: Listening, keys: readonly string[]): Promise<void> {
  for (const key of keys) await expire(key);
  await eventually(
    () => keys.every((key) => heard.has(key)),
    () => `all are heard, and not ${[...heard.keys()].join()}`,
  );
}

const twice = ({ heard }: Listening): string[] =>
  [...heard].filter(([, count]) => count > 1).map(([key]) => key);

/** A master that hears of the loss of its last slot first becomes a replica, and takes no command for slots. */
async function takeLastSlot(key: string, to: ServerProcess): Promise<void> {
  await cluster()
    .moveSlot(key, to)
    .catch((error: unknown) => {
      if (!String(error).includes('only with masters')) throw error;
    });
}

/** How long the keys of a {@link Flow} live, in milliseconds. */
const LIFETIME_MS = 50;
/** In this time Redis has removed a key, and reports it: it looks for such keys ten times a second. */
const LATEST_MS = LIFETIME_MS + 500;

/** Sets keys at the owners of their slots, all the time, until it is stopped. */
class Flow {
  /** When each key was set. */
  readonly sent = new Map<string, number>();
  #running: Promise<void> | undefined;
  #isStopped = false;

  start(): void {
    this.#running = this.#run();
    // A test that fails does not stop it.
    closeAfterTest(() => this.stop());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** One of the nodes may hang. */
  #ownerOf(key: string): Promise<ServerProcess> {
    const ready = cluster().nodes.filter(({ client }) => client.status === 'ready');
    return Promise.any(ready.map((node) => cluster().ownerOf(key, node)));
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#isStopped; i++) {
      const key = `session:flow:${i}`;
      // A client that is closed rejects at once: without a turn of the event loop nothing could stop this.
      await setImmediate();
      try {
        const { client } = await this.#ownerOf(key);
        // A test client waits for a node that is down; what it sends then is no part of the flow.
        if (client.status !== 'ready') continue;
        const isSet = client.set(key, 1, 'PX', LIFETIME_MS);
        this.sent.set(key, Date.now());
        await Promise.race([isSet, setTimeout(100)]);
      } catch {
        // The Cluster is down.
        this.sent.delete(key);
      }
    }
  }

  /**
   * The keys whose expiration was not heard once, and which no gap explains. One that takes over may not know that a key
   * has expired already.
   */
  unexplained({ heard, gaps }: Listening): string[] {
    return [...this.sent]
      .filter(([key]) => heard.get(key) !== 1)
      .filter(
        ([, sent]) =>
          !gaps.some(({ from, to }) => sent + LATEST_MS >= from.getTime() && sent <= to.getTime()),
      )
      .map(([key]) => key);
  }
}

describe('a handler of keys in a Cluster', () => {
  afterEach(async () => {
    await cluster().recover();
    // A node that was restarted has lost it.
    await configure(cluster(), 'AKE');
  });

  it('hears the expirations of all masters, each once', async () => {
    const app = await listen();
    const keys = keysNamed('all', 90);
    await expireAll(app, keys);
    expect([...app.heard.keys()].toSorted()).toEqual(keys.toSorted());
    expect(twice(app)).toEqual([]);
    expect(await subscribedPorts()).toEqual(portsOf(await cluster().masters()));
    expect(app.gaps).toEqual([]);
  });

  it('without a subscriber at each master hears those of one node alone', async () => {
    const heard: string[] = [];
    const app = await startClusterApp({ connection: { nodes: cluster().startupNodes } });
    await app.service.subscribe('__keyevent@0__:expired', ({ data }) => heard.push(String(data)));
    const keys = keysNamed('one', 90);
    const atNode: string[] = [];
    const node = cluster().nodeAt(app.subscriberPort() ?? 0);
    for (const key of keys) {
      if ((await cluster().ownerOf(key)) === node) atNode.push(key);
      await expire(key);
    }
    const owners = await Promise.all(keys.map((key) => cluster().ownerOf(key)));
    await eventually(async () => {
      const left = await Promise.all(keys.map(async (key, i) => owners[i]?.client.exists(key)));
      return left.every((count) => count === 0);
    });
    await eventually(() => heard.length >= atNode.length);
    expect(heard.toSorted()).toEqual(atNode.toSorted());
    expect(atNode.length).toBeLessThan(60);
  });

  it('follows each graceful failover, tells it as a gap, and hears each expiration once', async () => {
    const app = await listen();
    for (const [i, master] of (await cluster().masters()).entries()) {
      const gaps = app.gaps.length;
      const before = Date.now();
      const promoted = await cluster().failOver(master);
      await eventually(async () => (await subscribedPorts()).includes(promoted.port));
      await eventually(() => app.gaps.length > gaps);
      await app.becomes('connected');
      expect(app.gaps.at(-1)!.from.getTime()).toBeLessThanOrEqual(before);
      await expireAll(app, keysNamed(`graceful${i}`, 60));
    }
    expect(twice(app)).toEqual([]);
    await eventually(
      async () => String(await subscribedPorts()) === String(portsOf(await cluster().masters())),
    );
  });

  it('follows the failover of a master that was killed, and tells it as a gap', async () => {
    const app = await listen();
    const [master] = await cluster().masters();
    const killed = Date.now();
    await master!.kill();
    await eventually(() => app.gaps.length > 0);
    await app.becomes('connected');
    expect(app.gaps[0]!.from.getTime()).toBeLessThanOrEqual(killed);
    await eventually(() => cluster().isHealthy());
    await expireAll(app, keysNamed('killed', 90));
    expect(twice(app)).toEqual([]);
  });

  it.each<[string, (master: ServerProcess) => unknown]>([
    ['fails over gracefully', (master) => cluster().failOver(master)],
    ['is killed', (master) => master.kill()],
    ['hangs', (master) => master.hang()],
  ])('misses no expiration outside of a gap while a master %s', async (_, fault) => {
    const app = await listen();
    const flow = new Flow();
    flow.start();
    await eventually(() => app.heard.size > 20);
    const [master] = await cluster().masters();
    await fault(master!);
    await eventually(() => app.gaps.length > 0);
    await app.becomes('connected');
    const { size } = app.heard;
    await eventually(() => app.heard.size > size + 100);
    await flow.stop();
    await eventually(
      () => flow.unexplained(app).length === 0,
      () => `heard or in a gap: ${flow.unexplained(app).join()}`,
    );
    expect(app.heard.size).toBeGreaterThan(120);
  });

  it('tells a lost connection to one master as a gap, and goes on there', async () => {
    const app = await listen();
    const [master] = await cluster().masters();
    await master!.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(() => app.gaps.length === 1);
    await expireAll(app, keysNamed('lost', 60));
    expect(app.gaps.map(({ pattern }) => pattern)).toEqual(['session:*']);
    expect(twice(app)).toEqual([]);
  });

  it('hears the keys of a slot that has moved, without a gap', async () => {
    const app = await listen();
    const [from, to] = await cluster().masters();
    const key = `session:{${await cluster().channelOf(from!, 'moved')}}`;
    await cluster().moveSlot(key, to!);
    await expireAll(app, [key]);
    await cluster().moveSlot(key, from!);
    await expireAll(app, [`${key}:back`, ...keysNamed('slot', 30)]);
    expect(twice(app)).toEqual([]);
    expect(app.gaps).toEqual([]);
  });

  it('connects to a master that is added, tells a gap, and closes the connection when it has no slots', async () => {
    const app = await listen();
    const [master] = await cluster().masters();
    const added = await cluster().replicaOf(master!);
    await cluster().remove(added);
    await cluster().join(added);
    await configure(cluster(), 'AKE');
    const key = `session:{${await cluster().channelOf(master!, 'added')}}`;
    await cluster().moveSlot(key, added);
    await eventually(async () => (await subscribedPorts()).includes(added.port));
    await eventually(() => app.gaps.length === 1);
    await expireAll(app, [key, ...keysNamed('added', 30)]);
    await takeLastSlot(key, master!);
    await eventually(async () => !(await subscribedPorts()).includes(added.port));
    await expireAll(app, [`${key}:back`, ...keysNamed('removed', 30)]);
    expect(twice(app)).toEqual([]);
    expect(app.gaps).toHaveLength(1);
    await cluster().remove(added);
    await cluster().adopt(added);
  });

  it('hears keys that a glob matches at every master', async () => {
    const heard: string[] = [];
    @Injectable()
    class Users {
      @OnKey('user::id', { events: ['set'] })
      onUser(@Key() key: string) {
        heard.push(key);
      }
    }
    await startClusterApp(
      { connection: { nodes: cluster().startupNodes } },
      { providers: [Users] },
    );
    const keys = Array.from({ length: 30 }, (_, i) => `user:${i}`);
    for (const key of keys) await (await cluster().ownerOf(key)).client.set(key, 1);
    await eventually(() => heard.length >= keys.length);
    expect(heard.toSorted()).toEqual(keys.toSorted());
  });

  it('is observed at run time, and leaves no subscription behind', async () => {
    const app = await startClusterApp({ connection: { nodes: cluster().startupNodes } });
    const heard: string[] = [];
    let acknowledged = 0;
    const subscription = app.service
      .observeKeyEvent('expired', 'session:*', { onSubscribed: () => acknowledged++ })
      .subscribe(({ key }) => heard.push(key));
    await eventually(() => acknowledged === 1);
    const keys = keysNamed('observed', 30);
    for (const key of keys) await expire(key);
    await eventually(() => heard.length === keys.length);
    expect(heard.toSorted()).toEqual(keys.toSorted());
    subscription.unsubscribe();
    await eventually(async () => (await subscribedPorts()).length === 0);
  });

  describe('whose masters report nothing', () => {
    beforeEach(() => configure(cluster(), ''));
    afterEach(() => configure(cluster(), 'AKE'));

    it('warns of each master', async () => {
      const app = await listen();
      const warnings = app.log.of('warn').filter((line) => line.includes('notify-keyspace-events'));
      expect(warnings).toHaveLength(3);
      for (const { port } of await cluster().masters()) {
        expect(warnings.join('\n')).toContain(`:${port} does not report all`);
      }
    });
  });

  it('connects to each master with its first subscription only', async () => {
    await startClusterApp({
      connection: { nodes: cluster().startupNodes },
      introspection: false,
    });
    const list = await cluster().connections();
    expect(list.filter((line) => line.includes('sub=1'))).toHaveLength(0);
  });
});
