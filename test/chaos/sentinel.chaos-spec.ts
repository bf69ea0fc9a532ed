import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SentinelTopology } from '../support/faults/sentinel-topology.js';
import { findFault, type Fault } from './fault.js';
import { Scenario } from './scenario.js';
import { sentinelFaults } from './sentinel-faults.js';
import { settings } from './settings.js';

const NAMES = [
  'CLIENT KILL of the subscriber',
  'CLIENT KILL of the publisher',
  'CLIENT KILL of the publisher and the subscriber',
  'graceful failover',
  'graceful failover, with the connections to the sentinels half-open',
  'hung master',
  'killed master',
  'hung machine of the master and of a sentinel',
];

describe('a master that three sentinels watch', () => {
  let sentinel: SentinelTopology;
  let faults: readonly Fault[];
  beforeAll(async () => {
    sentinel = await SentinelTopology.start();
    faults = sentinelFaults(sentinel);
  });
  afterAll(() => sentinel.stop());

  it('has these faults', () => {
    expect(faults.map(({ name }) => name)).toEqual(NAMES);
  });

  const measureAll = (name: string): Promise<void> =>
    Scenario.run(sentinel, async (scenario) => {
      const { failovers } = settings();
      for (let i = 0; i < failovers; i++) await scenario.measure(findFault(faults, name));
    });

  it.each(NAMES)(
    '%s: every listener recovers, and every loss is inside a reported gap',
    { timeout: 600_000 },
    async (name) => {
      await expect(measureAll(name)).resolves.toBeUndefined();
    },
  );

  it.each(NAMES.slice(-2))(
    '%s: the application closes while the fault lasts',
    { timeout: 120_000 },
    async (name) => {
      const fault = findFault(faults, name);
      const finished = Scenario.run(sentinel, (scenario) => scenario.closeDuring(fault));
      await expect(finished).resolves.toBeUndefined();
    },
  );
});
