import { describe, expect, it } from 'vitest';
import { captureLog, closeAfterTest } from '../../support/app.js';
import { GroupFleet } from '../../support/group-fleet.js';
import { useRedis } from '../../support/redis.js';

const MESSAGES = 5_000;
/** What one process can have claimed, and not handled yet. */
const MAX_CLAIMED = 200;

describe(`${MESSAGES} messages for a group of processes`, () => {
  const redis = useRedis();

  async function start(group?: string): Promise<GroupFleet> {
    captureLog();
    const fleet = new GroupFleet(redis.url, group);
    closeAfterTest(() => fleet.close());
    await fleet.start(3);
    return fleet;
  }

  it('are handled once each while processes join, leave and hang', async () => {
    const fleet = await start('billing');
    await fleet.publish(MESSAGES, ['join', 'hang', 'leave']);
    expect(await fleet.counts()).toEqual({ twice: 0, lost: 0 });
  });

  it('are not handled twice when a process is killed, which loses what it has claimed at most', async () => {
    const fleet = await start('billing');
    await fleet.publish(MESSAGES, ['kill', 'join']);
    const { twice, lost } = await fleet.counts();
    expect(twice).toBe(0);
    expect(lost).toBeLessThanOrEqual(MAX_CLAIMED);
  });

  it('counter-proof: without a group each is handled several times', async () => {
    const fleet = await start();
    await fleet.publish(1_000, []);
    expect(await fleet.counts()).toEqual({ twice: 1_000, lost: 0 });
  });
});
