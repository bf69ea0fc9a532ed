import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';
import { callsOf, eventually } from './redis.js';
import { startServer, type ServerProcess } from './sentinel.js';
import { HAS_SHARDED } from './sharded.js';

const SLOTS = 16_384;
/** Time without contact after which the other nodes consider a node failed, in milliseconds. */
const NODE_TIMEOUT_MS = 1_000;
/** Time in which a replica may count votes of its last election for the next one, in milliseconds. */
const ELECTION_TIMEOUT_MS = 4 * NODE_TIMEOUT_MS;

/** First slot, last slot and master, as in the reply of CLUSTER SLOTS. */
type SlotRange = readonly [
  first: number,
  last: number,
  master: readonly [host: string, port: number],
];

/** Three masters with a replica each; all local, in a temporary folder. */
export class TestCluster {
  readonly nodes: readonly ServerProcess[];
  readonly #folder: string;
  readonly #removed = new Set<ServerProcess>();
  /** The latest possible time of each node's last promotion. */
  readonly #electedAt = new Map<ServerProcess, number>();

  private constructor(folder: string, nodes: readonly ServerProcess[]) {
    this.#folder = folder;
    this.nodes = nodes;
  }

  /** Resolves when every slot has an owner and every master can fail over. */
  static async start(): Promise<TestCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'cluster-'));
    const nodes = await Promise.all(Array.from({ length: 6 }, () => startNode(folder)));
    const cluster = new TestCluster(folder, nodes);
    await cluster.#join();
    return cluster;
  }

  /** `host:port` of each node, to connect to. */
  get startupNodes(): { host: string; port: number }[] {
    return this.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** The node that serves the slot of a channel, as one node sees it. Default: the first one. */
  async ownerOf(channel: string, queried = this.#members[0]): Promise<ServerProcess> {
    const slot = Number(await queried?.client.cluster('KEYSLOT', channel));
    const ranges = (await queried?.client.cluster('SLOTS')) as unknown as SlotRange[];
    const range = ranges.find(([first, last]) => first <= slot && slot <= last);
    return this.nodeAt(range?.[2][1] ?? 0);
  }

  nodeAt(port: number): ServerProcess {
    const node = this.nodes.find((it) => it.port === port);
    if (!node) throw new Error(`There is no node at port ${port}`);
    return node;
  }

  /** A replica of a master. */
  async replicaOf(master: ServerProcess): Promise<ServerProcess> {
    const id = await idOf(master);
    const line = (await linesOf(master)).find((it) => it.includes(` ${id} `));
    return this.nodeAt(portOf(line));
  }

  /** The master of a replica. */
  async masterOf(replica: ServerProcess): Promise<ServerProcess> {
    const lines = await linesOf(replica);
    const [, , , id = ''] = (lines.find((it) => it.includes('myself')) ?? '').split(' ');
    return this.nodeAt(portOf(lines.find((it) => it.startsWith(id))));
  }

  /** A channel that starts with `name` and whose slot this node owns. */
  async channelOf(owner: ServerProcess, name: string): Promise<string> {
    for (let i = 0; ; i++) {
      const channel = `${name}.${i}`;
      if ((await this.ownerOf(channel)) === owner) return channel;
    }
  }

  /** The nodes that serve slots now. */
  async masters(): Promise<ServerProcess[]> {
    const [queried] = this.#members;
    const ranges = (await queried?.client.cluster('SLOTS')) as unknown as SlotRange[];
    return [...new Set(ranges.map((range) => this.nodeAt(range[2][1])))];
  }

  /** Promotes the replica of a healthy master; resolves when all nodes know. */
  async failOver(master: ServerProcess): Promise<ServerProcess> {
    const replica = await this.replicaOf(master);
    // A replica elected with old votes would be demoted again by the other nodes.
    await eventually(() => performance.now() - this.#lastElection(replica) > ELECTION_TIMEOUT_MS);
    await replica.client.cluster('FAILOVER');
    await eventually(async () =>
      (await replica.client.info('replication')).includes('role:master'),
    );
    this.#electedAt.set(replica, performance.now());
    await this.settled();
    return replica;
  }

  /** Gives the slot of a channel to another master; resolves when all nodes know. */
  async moveSlot(channel: string, to: ServerProcess): Promise<void> {
    const from = await this.ownerOf(channel);
    const slot = await from.client.cluster('KEYSLOT', channel);
    const [toId, fromId] = [await idOf(to), await idOf(from)];
    await to.client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
    await from.client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    await to.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    await from.client.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    await this.settled();
  }

  /** Takes the slot of a channel from its owner and gives it back in one pipeline, unseen by other nodes. */
  async blinkSlot(channel: string): Promise<void> {
    const from = await this.ownerOf(channel);
    const slot = await from.client.cluster('KEYSLOT', channel);
    const other = (await this.masters()).find((it) => it !== from);
    const [fromId, otherId] = [await idOf(from), await idOf(other ?? from)];
    await from.client
      .pipeline()
      .call('CLUSTER', 'SETSLOT', slot, 'NODE', otherId)
      .call('CLUSTER', 'SETSLOT', slot, 'NODE', fromId)
      .exec();
    await this.settled();
  }

  /**
   * The creation time of the newest link from another node to this node, in milliseconds since the epoch. The
   * other nodes replace their links to a node that stalls for half its timeout; messages in between are lost.
   * Nodes before 7.0 do not say since when they have their links: then it is the current time.
   */
  async newestLinkTo(node: ServerProcess): Promise<number> {
    const id = await idOf(node);
    const others = this.#answering.filter((it) => it !== node);
    if (!HAS_SHARDED) return Date.now();
    const lists = await Promise.all(
      others.map(({ client }) => client.call('CLUSTER', 'LINKS') as Promise<unknown[][]>),
    );
    // Each link is a list of names and values.
    const made = lists.flat().filter((link) => link[1] === 'to' && link[3] === id);
    return Math.max(...made.map((link) => Number(link[5])));
  }

  /** Resolves when a node has received this many further PINGs. */
  async pings({ client }: ServerProcess, count: number): Promise<void> {
    const before = await callsOf(client, 'ping');
    await eventually(async () => (await callsOf(client, 'ping')) >= before + count);
  }

  /** Restarts killed nodes and resumes hung ones; resolves when every master can fail over again. */
  async recover(): Promise<void> {
    for (const node of this.nodes) {
      if (node.isRunning) node.resume();
      else await node.start();
    }
    await this.settled();
    for (const master of await this.masters()) this.#electedAt.set(master, performance.now());
  }

  /** Removes a replica, as `redis-cli --cluster del-node` does; the process keeps running alone. */
  async remove(replica: ServerProcess): Promise<void> {
    const id = await idOf(replica);
    this.#removed.add(replica);
    for (const { client } of this.nodes.filter((it) => it !== replica)) {
      await client.cluster('FORGET', id);
    }
    await replica.client.cluster('RESET', 'SOFT');
  }

  /** Adds a node that was {@link remove removed} as the replica of the master without one. */
  async adopt(node: ServerProcess): Promise<void> {
    await node.client.cluster('RESET', 'HARD');
    const master = await this.#masterWithoutReplica();
    await master.client.cluster('MEET', '127.0.0.1', node.port);
    await eventually(async () => (await linesOf(node)).length === this.nodes.length);
    const id = await idOf(master);
    await eventually(
      async () => (await node.client.cluster('REPLICATE', id).catch(() => '')) === 'OK',
    );
    this.#removed.delete(node);
    await this.settled();
  }

  /** Adds a node that was {@link remove removed} as a master without slots. */
  async join(node: ServerProcess): Promise<void> {
    await node.client.cluster('RESET', 'HARD');
    const [member] = this.#members;
    await member?.client.cluster('MEET', '127.0.0.1', node.port);
    await eventually(async () => (await linesOf(node)).length === this.nodes.length);
    this.#removed.delete(node);
    await this.settled();
  }

  /** Resolves when all nodes agree on the topology and are healthy. */
  async settled(): Promise<void> {
    let views: string[] = [];
    await eventually(
      async () => {
        views = await Promise.all(this.nodes.map((node) => viewOf(node)));
        const isWell = views.every((view) => !/fail|handshake|disconnected/.test(view));
        return isWell && new Set(views).size === 1;
      },
      () => `all nodes know the same healthy topology:\n${[...new Set(views)].join('\n\n')}`,
    );
    await eventually(async () => {
      const infos = await Promise.all(this.nodes.map(({ client }) => client.info('replication')));
      return infos.every((info) => /role:master|master_link_status:up/.test(info));
    }, 'every replica is connected to its master');
    await eventually(() => this.isHealthy(), 'every node reports cluster_state:ok');
  }

  /** The connections of clients to all nodes, without those of the test clients. */
  async connections(): Promise<string[]> {
    const lists = await Promise.all(
      this.#answering.flatMap(({ client }) =>
        ['normal', 'pubsub'].map((type) => client.call('CLIENT', 'LIST', 'TYPE', type)),
      ),
    );
    return lists
      .flatMap((list) => String(list).split('\n'))
      .filter((line) => line.includes('addr=') && !line.includes('name=control'));
  }

  /** The number of clients of all nodes that are subscribed to a channel. */
  async subscribers(channel: string): Promise<number> {
    const counts = await Promise.all(
      this.#answering.map(async ({ client }) =>
        Number((await client.pubsub('NUMSUB', channel))[1]),
      ),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** The number of clients of all nodes that are subscribed to a shard channel. */
  async shardSubscribers(channel: string): Promise<number> {
    const counts = await Promise.all(
      this.#answering.map(async ({ client }) => {
        const [, count] = (await client.call('PUBSUB', 'SHARDNUMSUB', channel)) as unknown[];
        return Number(count);
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** The number of subscribed shard channels of all nodes whose names match a glob. */
  async shardChannels(glob: string): Promise<number> {
    const lists = await Promise.all(
      this.#answering.map(({ client }) => client.call('PUBSUB', 'SHARDCHANNELS', glob)),
    );
    return lists.flat().length;
  }

  /** Kills every connection of clients to all nodes, except those of the test clients. */
  async killConnections(): Promise<void> {
    await Promise.all(
      this.#answering.flatMap(({ client }) =>
        ['normal', 'pubsub'].map((type) =>
          client.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes'),
        ),
      ),
    );
  }

  /** The number of subscribed globs of all nodes. */
  async patterns(): Promise<number> {
    const counts = await Promise.all(
      this.#answering.map(async ({ client }) => Number(await client.pubsub('NUMPAT'))),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Adds an ACL user with these channels and every command to each node. */
  async addUser(name: string, password: string, ...channels: string[]): Promise<void> {
    const rules = ['on', `>${password}`, 'resetchannels', ...channels, '~*', '+@all'];
    await Promise.all(
      this.nodes.map(({ client }) => client.call('ACL', 'SETUSER', name, ...rules)),
    );
  }

  /** Whether every node that answers reports a healthy cluster. */
  async isHealthy(): Promise<boolean> {
    const states = await Promise.all(this.#answering.map(({ client }) => client.cluster('INFO')));
    return states.every((info) => info.includes('cluster_state:ok'));
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #lastElection(node: ServerProcess): number {
    return this.#electedAt.get(node) ?? -Infinity;
  }

  async #masterWithoutReplica(): Promise<ServerProcess> {
    for (const master of await this.masters()) {
      const id = await idOf(master);
      if (!(await linesOf(master)).some((line) => line.includes(` ${id} `))) return master;
    }
    throw new Error('Expected a master to have no replica, got one for each');
  }

  /** The answering nodes, without a {@link remove removed} one, which knows only itself. */
  get #members(): readonly ServerProcess[] {
    return this.#answering.filter((node) => !this.#removed.has(node));
  }

  get #answering(): readonly ServerProcess[] {
    return this.nodes.filter(({ answers }) => answers);
  }

  async #join(): Promise<void> {
    const [first] = this.nodes;
    const masters = this.nodes.slice(0, 3);
    for (const [i, master] of masters.entries()) {
      const from = Math.ceil((SLOTS / 3) * i);
      const to = Math.ceil((SLOTS / 3) * (i + 1));
      await master.client.cluster('ADDSLOTS', ...slotsFrom(from, to));
      await master.client.cluster('SET-CONFIG-EPOCH', i + 1);
    }
    for (const { port } of this.nodes.slice(1))
      await first?.client.cluster('MEET', '127.0.0.1', port);
    await eventually(async () => {
      const views = await Promise.all(this.nodes.map((node) => linesOf(node)));
      return views.every((lines) => lines.length === 6);
    }, 'every node knows the six nodes');
    for (const [i, master] of masters.entries()) {
      const id = await idOf(master);
      const replica = this.nodes[i + 3];
      await eventually(
        async () => (await replica?.client.cluster('REPLICATE', id).catch(() => '')) === 'OK',
        `node ${replica?.port} is a replica of node ${master.port}`,
      );
    }
    await this.settled();
  }
}

/** A Cluster for the tests of one file. */
export function useCluster(
  prepare: (cluster: TestCluster) => Promise<void> = async () => undefined,
): () => TestCluster {
  let cluster: TestCluster | undefined;
  beforeAll(async () => {
    cluster = await TestCluster.start();
    await prepare(cluster);
  });
  afterAll(() => cluster?.stop());
  return () => {
    if (!cluster) throw new Error('The Cluster of this file is not started yet');
    return cluster;
  };
}

/** A node that is in no Cluster with others; stopped after the tests of the file. */
export function useLoneNode(): () => ServerProcess {
  let folder = '';
  let node: ServerProcess | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cluster-'));
    node = await startNode(folder);
  });
  afterAll(async () => {
    await node?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return () => {
    if (!node) throw new Error('The node of this file is not started yet');
    return node;
  };
}

/** Makes a single node a Cluster that owns every slot. */
export async function serveAlone({ client }: ServerProcess, epoch: number): Promise<void> {
  await client.cluster('ADDSLOTS', ...slotsFrom(0, SLOTS));
  await client.cluster('SET-CONFIG-EPOCH', epoch);
  await eventually(
    async () => (await client.cluster('INFO')).includes('cluster_state:ok'),
    'the node reports cluster_state:ok',
  );
}

/** The slots from `from` to before `to`; Redis 6.2 has no ADDSLOTSRANGE. */
const slotsFrom = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

export function startNode(folder: string): Promise<ServerProcess> {
  return startServer(async (port) => {
    const dir = join(folder, String(port));
    await mkdir(dir);
    const options = {
      port,
      dir,
      save: '',
      'cluster-enabled': 'yes',
      'cluster-node-timeout': NODE_TIMEOUT_MS,
      'cluster-replica-validity-factor': 0,
      'repl-diskless-sync-delay': 0,
    };
    return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  });
}

async function linesOf({ client }: ServerProcess): Promise<string[]> {
  return String(await client.cluster('NODES'))
    .trim()
    .split('\n');
}

/** The port in a line of CLUSTER NODES. */
const portOf = (line = ''): number => Number(/:(\d+)@/.exec(line)?.[1]);

/**
 * The topology that a node knows: id, flags, master, epoch and slots of each node. The epochs count as well,
 * because a node that claims a slot with an old epoch is ignored by the other nodes.
 */
async function viewOf(node: ServerProcess): Promise<string> {
  const known = (await linesOf(node)).map((line) => {
    const [id, , flags = '', master, , , epoch, link, ...slots] = line.split(' ');
    return [id, flags.replace('myself,', ''), master, epoch, link, ...slots].join(' ');
  });
  return known.toSorted().join('\n');
}

async function idOf({ client }: ServerProcess): Promise<string> {
  return client.cluster('MYID');
}
