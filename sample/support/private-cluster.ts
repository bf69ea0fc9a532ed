import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startPrivateRedis, type PrivateRedis } from './private-redis.js';

const NODES = 3;
const SLOTS = 16_384;
const JOIN_TIMEOUT_MS = 30_000;
const CHECK_INTERVAL_MS = 50;

/** A Cluster of three masters on this machine. */
export interface PrivateCluster {
  /** The URLs of the masters, in the order of their slots. */
  readonly nodes: readonly string[];
  /** Stops the masters, and removes their files. */
  stop(): Promise<void>;
}

/**
 * Starts a Cluster. Resolves when each master knows the others, and all slots have an owner. Needs Redis 7.0. Rejects as
 * {@link startPrivateRedis}, and with an error that has the answer of a master when they do not join in 30 seconds.
 */
export async function startPrivateCluster(): Promise<PrivateCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'cluster-'));
  const servers: PrivateRedis[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let i = 0; i < NODES; i++) {
      const file = ['--cluster-enabled', 'yes', '--cluster-config-file', `nodes-${i}.conf`];
      servers.push(await startPrivateRedis([...file, '--dir', folder]));
    }
    await introduce(servers);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes: servers.map(({ url }) => url), stop };
}

/** Gives each master its part of the slots, and introduces the masters to each other. */
async function introduce(servers: readonly PrivateRedis[]): Promise<void> {
  const clients = servers.map(({ url }) => new Redis(url));
  try {
    for (const [i, client] of clients.entries()) {
      const [first, last] = [firstSlot(i), firstSlot(i + 1) - 1];
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      // Nodes with the same epoch would have to agree on new ones first.
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (const { port } of servers.slice(1)) {
      await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', port);
    }
    await Promise.all(clients.map((client) => joined(client)));
  } finally {
    for (const client of clients) client.disconnect();
  }
}

function firstSlot(node: number): number {
  return Math.floor((node * SLOTS) / NODES);
}

async function joined(client: Redis): Promise<void> {
  const until = performance.now() + JOIN_TIMEOUT_MS;
  for (;;) {
    const info = String(await client.call('CLUSTER', 'INFO'));
    if (info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${NODES}`)) return;
    if (performance.now() > until) throw new Error(`The Cluster is not ready: ${info}`);
    await delay(CHECK_INTERVAL_MS);
  }
}
