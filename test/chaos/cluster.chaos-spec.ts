import { describe, expect, it } from 'vitest';
import { DETACHED } from './cluster-faults.js';
import { clusterSuite, NAMES } from './cluster.suite.js';
import { Scenario } from './scenario.js';
import { faultOf } from './topology.js';

describe('a Cluster', () => {
  const redis = clusterSuite([...NAMES, DETACHED], { isSharded: false });

  it('CLIENT KILL of the subscriber: what is between two nodes is told of, however fresh the last PING', async () => {
    const played = Scenario.run(
      redis(),
      async (scenario) => {
        const fault = faultOf(redis(), 'CLIENT KILL of the subscriber');
        for (let run = 0; run < 10; run++) await scenario.recover([await scenario.strike(fault)]);
      },
      { pingInterval: 10 },
    );
    await expect(played).resolves.toBeUndefined();
  });

  it(`${DETACHED}: the probe finds it where nobody asks for the nodes`, async () => {
    const options = { connection: redis().fixedConnection, probeInterval: 200 };
    const played = Scenario.run(
      redis(),
      async (scenario) => {
        await scenario.recover([await scenario.strike(faultOf(redis(), DETACHED))]);
      },
      options,
    );
    await expect(played).resolves.toBeUndefined();
  });
});
