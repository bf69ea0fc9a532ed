import type { Redis } from 'ioredis';
import { TestCluster } from '../support/cluster.js';
import type { ClusterAccess } from './access.js';
import { CHANNELS, type Channels } from './channels.js';
import { clusterFaults } from './cluster-faults.js';
import { connectionFaults } from './connection-faults.js';
import type { PlainPublisher } from './plain-publisher.js';
import { ResidentPublisher } from './resident-publisher.js';
import { ShardPublisher } from './shard-publisher.js';
import type { Fault, Topology } from './topology.js';

export interface ClusterTopologyOptions {
  readonly isSharded?: boolean;
}

/** Three masters with a replica each. */
export class ClusterTopology implements Topology {
  readonly name: string;
  readonly isLateAllowed = true;
  readonly connections: number;
  readonly faults: readonly Fault[];
  #repair: (() => Promise<void>) | undefined;

  private constructor(
    readonly cluster: TestCluster,
    readonly isSharded: boolean,
    readonly channels: Channels,
  ) {
    this.name = isSharded ? 'Cluster, sharded' : 'Cluster';
    // Sharded: of each kind one per master, and one that would publish what is not sharded.
    this.connections = isSharded ? 7 : 2;
    this.faults = [...connectionFaults(), ...clusterFaults(this)];
  }

  static async start({ isSharded = false }: ClusterTopologyOptions = {}): Promise<ClusterTopology> {
    const cluster = await TestCluster.start();
    const channels = isSharded ? await channelsOfEachMaster(cluster) : CHANNELS;
    return new ClusterTopology(cluster, isSharded, channels);
  }

  get connection(): ClusterAccess {
    return { nodes: this.cluster.startupNodes };
  }

  /** For a client that asks once which nodes there are, and never again. */
  get fixedConnection(): ClusterAccess {
    return { ...this.connection, options: { slotsRefreshInterval: 3_600_000 } };
  }

  readonly nodes = (): readonly Redis[] =>
    this.cluster.nodes.filter(({ answers }) => answers).map(({ client }) => client);

  createPublisher(): PlainPublisher {
    if (this.isSharded) return new ShardPublisher(this.connection);
    return new ResidentPublisher(this.cluster.nodes.map(({ port }) => port));
  }

  /** Notes how to make the Cluster whole again. */
  needs(repair: () => Promise<void>): void {
    this.#repair = repair;
  }

  /** Makes the Cluster whole again, if it is not. */
  readonly repair = async (): Promise<void> => {
    const repair = this.#repair;
    this.#repair = undefined;
    await repair?.();
  };

  async stop(): Promise<void> {
    await this.cluster.stop();
  }
}

/** A glob cannot be sharded; so these are literals, with slots at every master. */
async function channelsOfEachMaster(cluster: TestCluster): Promise<Channels> {
  const masters = await cluster.masters();
  const names = (start: string) =>
    Promise.all(masters.map((master) => cluster.channelOf(master, start)));
  const [plain, own] = [await names('chaos.plain'), await names('chaos.own')];
  return { plain, own, literals: [...plain, ...own] };
}
