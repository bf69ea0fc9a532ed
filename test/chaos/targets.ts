import { ClusterTopology } from '../support/faults/cluster-topology.js';
import { StandaloneTopology } from '../support/faults/standalone-topology.js';
import type { Topology } from '../support/faults/topology.js';
import { clusterFaults } from './cluster-faults.js';
import type { Fault } from './fault.js';
import { standaloneFaults } from './standalone-faults.js';

/** A topology and all its faults. */
export interface Target {
  readonly topology: Topology;
  readonly faults: readonly Fault[];
}

/** The topologies into which random faults are injected: a name, and a function that starts it. */
export const startTargets: [string, () => Promise<Target>][] = [
  [
    'a standalone Redis',
    async () => {
      const topology = await StandaloneTopology.start();
      return { topology, faults: standaloneFaults(topology) };
    },
  ],
  [
    'a Cluster',
    async () => {
      const topology = await ClusterTopology.start();
      return { topology, faults: clusterFaults(topology) };
    },
  ],
];
