import { describe, expect, it } from 'vitest';
import { clusterFaults, DETACHED } from './cluster-faults.js';
import { clusterSuite, NAMES } from './cluster.suite.js';
import { findFault, type Fault } from './fault.js';
import { Scenario } from './scenario.js';

describe('a Cluster', () => {
  const redis = clusterSuite([...NAMES, DETACHED], { isSharded: false });
  const faultOf = (name: string): Fault => findFault(clusterFaults(redis()), name);

  it('CLIENT KILL of the subscriber: a gap covers messages between two nodes, also after a PING of just now', async () => {
    const finished = Scenario.run(
      redis(),
      async (scenario) => {
        const fault = faultOf('CLIENT KILL of the subscriber');
        for (let run = 0; run < 10; run++) await scenario.recover([await scenario.inject(fault)]);
      },
      { pingInterval: 10 },
    );
    await expect(finished).resolves.toBeUndefined();
  });

  it(`${DETACHED}: the delivery probe detects it without a topology refresh`, async () => {
    const options = { connection: redis().fixedConnection, probeInterval: 200 };
    const finished = Scenario.run(
      redis(),
      async (scenario) => {
        await scenario.recover([await scenario.inject(faultOf(DETACHED))]);
      },
      options,
    );
    await expect(finished).resolves.toBeUndefined();
  });
});
