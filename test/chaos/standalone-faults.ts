import type { StandaloneTopology } from '../support/faults/standalone-topology.js';
import { connectionFaults } from './connection-faults.js';
import type { Fault } from './fault.js';
import { networkFaults } from './network-faults.js';
import { serverFaults } from './server-faults.js';

/** All faults of a standalone Redis. */
export function standaloneFaults(redis: StandaloneTopology): Fault[] {
  return [...connectionFaults(), ...serverFaults(redis), ...networkFaults(redis.proxy)];
}
