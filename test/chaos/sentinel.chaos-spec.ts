import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from './scenario.js';
import { SentinelTopology } from './sentinel-topology.js';
import { settings } from './settings.js';
import { faultOf } from './topology.js';

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
  beforeAll(async () => {
    sentinel = await SentinelTopology.start();
  });
  afterAll(() => sentinel.stop());

  it('has these faults', () => {
    expect(sentinel.faults.map(({ name }) => name)).toEqual(NAMES);
  });

  const sufferAll = (name: string): Promise<void> =>
    Scenario.run(sentinel, async (scenario) => {
      const { failovers } = settings();
      for (let i = 0; i < failovers; i++) await scenario.suffer(faultOf(sentinel, name));
    });

  it.each(NAMES)(
    '%s: nobody stays deaf, and nothing is lost without a word',
    { timeout: 600_000 },
    async (name) => {
      await expect(sufferAll(name)).resolves.toBeUndefined();
    },
  );

  it.each(NAMES.slice(-2))(
    '%s: the application can be closed in the middle of it',
    { timeout: 120_000 },
    async (name) => {
      const fault = faultOf(sentinel, name);
      const played = Scenario.run(sentinel, (scenario) => scenario.closeDuring(fault));
      await expect(played).resolves.toBeUndefined();
    },
  );
});
