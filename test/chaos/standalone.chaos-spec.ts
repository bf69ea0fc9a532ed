import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';
import { Standalone } from './standalone.js';
import { faultOf } from './topology.js';

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
  let redis: Standalone;
  beforeAll(async () => {
    redis = await Standalone.start();
  });
  afterAll(() => redis.stop());

  it('has these faults', () => {
    expect(redis.faults.map(({ name }) => name)).toEqual(NAMES);
  });

  it.each(NAMES)('%s: nobody stays deaf, and nothing is lost without a word', async (name) => {
    const runs = settings().isFull ? 5 : 1;
    const played = Scenario.run(redis, async (scenario) => {
      for (let run = 0; run < runs; run++) await scenario.suffer(faultOf(redis, name));
    });
    await expect(played).resolves.toBeUndefined();
  });

  it.each(NAMES)('%s: the application can be closed in the middle of it', async (name) => {
    const played = Scenario.run(redis, (scenario) => scenario.closeDuring(faultOf(redis, name)));
    await expect(played).resolves.toBeUndefined();
  });
});
