import { clusterFaults } from './cluster-faults.js';
import type { Fault } from './fault.js';
import { sentinelFaults } from './sentinel-faults.js';
import { shardedFaults } from './sharded-faults.js';
import { standaloneFaults } from './standalone-faults.js';

const nobody = (): never => {
  throw new Error('Expected a fault that is only named not to strike, it did');
};

/** All faults, in the order of the table; to look at, and not to let strike. */
export function planned(): Fault[] {
  return [
    ...standaloneFaults(nobody),
    ...sentinelFaults(nobody),
    ...clusterFaults(nobody),
    ...shardedFaults(nobody),
  ];
}
