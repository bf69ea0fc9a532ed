import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StandaloneTopology } from '../support/faults/standalone-topology.js';
import { findFault, type Fault } from './fault.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';
import { standaloneFaults } from './standalone-faults.js';

const NAMES = [
  'CLIENT KILL of the subscriber',
  'CLIENT KILL of the publisher',
  'CLIENT KILL of the publisher and the subscriber',
  'SIGKILL and restart',
  'SIGSTOP for longer than every deadline, then SIGCONT',
  'output buffer limit reached',
  'ACL tightened, then loosened',
  'half-open in the direction of the server',
  'half-open in the direction of the client',
  'half-open in either direction',
  'what the client sends is delayed',
  'the acknowledgement of subscriptions is delayed',
  'cut in the middle of a message',
];

describe('a standalone Redis', () => {
  let redis: StandaloneTopology;
  let faults: readonly Fault[];
  beforeAll(async () => {
    redis = await StandaloneTopology.start();
    faults = standaloneFaults(redis);
  });
  afterAll(() => redis.stop());

  it('has these faults', () => {
    expect(faults.map(({ name }) => name)).toEqual(NAMES);
  });

  it.each(NAMES)(
    '%s: every listener recovers, and every loss is inside a reported gap',
    async (name) => {
      const runs = settings().isFull ? 5 : 1;
      const finished = Scenario.run(redis, async (scenario) => {
        for (let run = 0; run < runs; run++) await scenario.measure(findFault(faults, name));
      });
      await expect(finished).resolves.toBeUndefined();
    },
  );

  it.each(NAMES)('%s: the application closes while the fault lasts', async (name) => {
    const finished = Scenario.run(redis, (scenario) =>
      scenario.closeDuring(findFault(faults, name)),
    );
    await expect(finished).resolves.toBeUndefined();
  });
});
