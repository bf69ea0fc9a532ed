import type { Redis } from 'ioredis';
import { TestCluster } from '../support/cluster.js';
import type { ClusterAccess } from './access.js';
import { CHANNELS } from './channels.js';
import { clusterFaults } from './cluster-faults.js';
import { connectionFaults } from './connection-faults.js';
import type { PlainPublisher } from './plain-publisher.js';
import { ResidentPublisher } from './resident-publisher.js';
import type { Fault, Topology } from './topology.js';

/** Three masters with a replica each. */
export class ClusterTopology implements Topology {
  readonly name = 'Cluster';
  readonly channels = CHANNELS;
  readonly isLateAllowed = true;
  readonly connections = 2;
  readonly faults: readonly Fault[];
  #repair: (() => Promise<void>) | undefined;

  private constructor(readonly cluster: TestCluster) {
    this.faults = [...connectionFaults(), ...clusterFaults(this)];
  }

  static async start(): Promise<ClusterTopology> {
    return new ClusterTopology(await TestCluster.start());
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
