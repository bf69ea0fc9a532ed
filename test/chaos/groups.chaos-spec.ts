import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPrivateRedis, type PrivateRedis } from '../../sample/support/private-redis.js';
import { GroupFleet, type FleetChange } from '../support/group-fleet.js';
import { settings } from './settings.js';

const MESSAGES = 100_000;
/** What one process can have claimed, and not handled yet. */
const MAX_CLAIMED = 200;

const ROUND: readonly FleetChange[] = ['join', 'hang', 'kill', 'join', 'leave', 'hang', 'join'];
const ROUNDS = { full: 8, short: 3 };

describe('one of the members of a group', () => {
  let redis: PrivateRedis;
  let fleet: GroupFleet | undefined;
  beforeAll(async () => {
    redis = await startPrivateRedis();
  });
  afterAll(async () => {
    await fleet?.close();
    await redis.stop();
  });

  it(`handles each of ${MESSAGES} messages while others join, leave, hang and are killed`, async () => {
    const rounds = settings().isFull ? ROUNDS.full : ROUNDS.short;
    const changes = Array.from({ length: rounds }, () => ROUND).flat();
    fleet = new GroupFleet(redis.url, 'billing');
    await fleet.start(3);
    await fleet.publish(MESSAGES, changes);
    const { twice, lost } = await fleet.counts();
    console.log(`${MESSAGES} messages, ${rounds} kills: ${twice} handled twice, ${lost} lost`);
    expect(twice).toBe(0);
    expect(lost).toBeLessThanOrEqual(rounds * MAX_CLAIMED);
  });
});
