import type { Redis } from 'ioredis';
import { TestCluster } from '../cluster.js';
import { CHANNEL_NAMES, type ChannelNames } from './channel-names.js';
import type { ClusterConnectionOptions } from './connection-options.js';
import type { PlainPublisher } from './plain-publisher.js';
import { ShardPublisher } from './shard-publisher.js';
import { SingleNodePublisher } from './single-node-publisher.js';
import type { Topology } from './topology.js';

export interface ClusterTopologyOptions {
  /** Whether an application uses sharded Pub/Sub. Default: false. */
  readonly isSharded?: boolean;
}

/** Three masters with a replica each. */
export class ClusterTopology implements Topology {
  readonly name: string;
  readonly isLateAllowed = true;
  readonly connections: number;
  #repair: (() => Promise<void>) | undefined;

  private constructor(
    readonly cluster: TestCluster,
    readonly isSharded: boolean,
    readonly channelNames: ChannelNames,
  ) {
    this.name = isSharded ? 'Cluster, sharded' : 'Cluster';
    // Sharded: a publisher and a subscriber for each master, and a publisher for classic channels.
    this.connections = isSharded ? 7 : 2;
  }

  static async start({ isSharded = false }: ClusterTopologyOptions = {}): Promise<ClusterTopology> {
    const cluster = await TestCluster.start();
    const names = isSharded ? await namesAtEachMaster(cluster) : CHANNEL_NAMES;
    return new ClusterTopology(cluster, isSharded, names);
  }

  get connection(): ClusterConnectionOptions {
    return { nodes: this.cluster.startupNodes };
  }

  /** A client with this connection asks for the nodes once, and does not refresh them. */
  get fixedConnection(): ClusterConnectionOptions {
    return { ...this.connection, options: { slotsRefreshInterval: 3_600_000 } };
  }

  readonly nodes = (): readonly Redis[] =>
    this.cluster.nodes.filter(({ answers }) => answers).map(({ client }) => client);

  createPublisher(): PlainPublisher {
    if (this.isSharded) return new ShardPublisher(this.connection);
    return new SingleNodePublisher(this.cluster.nodes.map(({ port }) => port));
  }

  /** Sets how {@link repair} repairs the Cluster after a fault. */
  repairWith(repair: () => Promise<void>): void {
    this.#repair = repair;
  }

  /** Repairs the Cluster if a fault has damaged it. */
  readonly repair = async (): Promise<void> => {
    const repair = this.#repair;
    this.#repair = undefined;
    await repair?.();
  };

  async stop(): Promise<void> {
    await this.cluster.stop();
  }
}

/** Literals whose slots belong to each master. Redis has no sharded patterns. */
async function namesAtEachMaster(cluster: TestCluster): Promise<ChannelNames> {
  const masters = await cluster.masters();
  const names = (start: string) =>
    Promise.all(masters.map((master) => cluster.channelOf(master, start)));
  const [plain, own] = [await names('chaos.plain'), await names('chaos.own')];
  return { plain, own, literals: [...plain, ...own] };
}
