import { Redis } from 'ioredis';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrivateRedis, type PrivateRedis } from '../../sample/support/private-redis.js';
import { cpuOfServer, until } from './redis-server.js';

const MASTERS = 3;
const SLOTS = 16_384;

/** A Redis Cluster of three masters without replicas, on free ports of this machine. */
export class RedisCluster {
  readonly #folder: string;
  readonly #servers: readonly PrivateRedis[];
  readonly #clients: readonly Redis[];

  private constructor(folder: string, servers: readonly PrivateRedis[]) {
    this.#folder = folder;
    this.#servers = servers;
    this.#clients = servers.map(({ port }) => new Redis(port, '127.0.0.1'));
  }

  /** Resolves when every node knows an owner of each slot. */
  static async start(): Promise<RedisCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'bench-cluster-'));
    const servers: PrivateRedis[] = [];
    for (let i = 0; i < MASTERS; i++) {
      const file = `nodes-${i}.conf`;
      const args = ['--dir', folder, '--cluster-enabled', 'yes', '--cluster-config-file', file];
      servers.push(await startPrivateRedis(args));
    }
    const cluster = new RedisCluster(folder, servers);
    await cluster.#join();
    return cluster;
  }

  get ports(): number[] {
    return this.#servers.map(({ port }) => port);
  }

  /** CPU time of all nodes since their start, in microseconds. */
  async cpu(): Promise<number> {
    const times = await Promise.all(this.#clients.map(cpuOfServer));
    return times.reduce((sum, time) => sum + time, 0);
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all(this.#servers.map((server) => server.stop()));
    await rm(this.#folder, { recursive: true });
  }

  async #join(): Promise<void> {
    for (const [i, client] of this.#clients.entries()) {
      const first = Math.ceil((SLOTS / MASTERS) * i);
      const end = Math.ceil((SLOTS / MASTERS) * (i + 1));
      const slots = Array.from({ length: end - first }, (_, index) => first + index);
      await client.cluster('ADDSLOTS', ...slots);
      // Nodes that begin with the same epoch settle it with gossip, which takes longer.
      await client.cluster('SET-CONFIG-EPOCH', i + 1);
    }
    for (const port of this.ports) await this.#clients[0]?.cluster('MEET', '127.0.0.1', port);
    for (const client of this.#clients) {
      await until(async () => (await client.cluster('INFO')).includes('cluster_state:ok'));
    }
  }
}
