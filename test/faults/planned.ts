import { clusterFaults } from './cluster-faults.js';
import type { Fault } from './fault.js';
import { sentinelFaults } from './sentinel-faults.js';
import { shardedFaults } from './sharded-faults.js';
import { standaloneFaults } from './standalone-faults.js';

const notStarted = (): never => {
  throw new Error('Expected no scenario of this list to be created, one was');
};

/** All faults in the order of the table, by name only: their topologies are not started. */
export function planned(): Fault[] {
  return [
    ...standaloneFaults(notStarted),
    ...sentinelFaults(notStarted),
    ...clusterFaults(notStarted),
    ...shardedFaults(notStarted),
  ];
}
