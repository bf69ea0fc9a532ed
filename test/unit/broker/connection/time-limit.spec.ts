import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TimeLimit } from '../../../../src/broker/connection/time-limit.js';
import { advance, pass, useFakeClock, useRealClock } from '../fake-client.js';

const LIMIT_MS = 500;
/** What Node reads at once while more is waiting. */
const FULL_READ = 65_536;

describe('TimeLimit', () => {
  const socket = { bytesRead: 0 };
  let reached: number;
  let limit: TimeLimit;
  beforeEach(() => {
    useFakeClock();
    reached = 0;
    limit = new TimeLimit(
      LIMIT_MS,
      () => socket,
      () => reached++,
    );
  });
  afterEach(() => {
    limit.cancel();
    useRealClock();
  });

  it('is reached once', async () => {
    await pass(LIMIT_MS - 1);
    expect(reached).toBe(0);
    await pass(1);
    expect(reached).toBe(1);
    await pass(10 * LIMIT_MS);
    expect(reached).toBe(1);
  });

  it('is not reached while bytes that have arrived are read', async () => {
    advance(LIMIT_MS);
    for (let turn = 0; turn < 5; turn++) {
      socket.bytesRead += FULL_READ;
      await new Promise(setImmediate);
    }
    expect(reached).toBe(0);
    await pass(0);
    expect(reached).toBe(1);
  });

  it.each([
    ['before its timer', 0],
    ['while bytes are read', LIMIT_MS],
  ])('is not reached when it is cancelled %s', async (_, afterMs) => {
    advance(afterMs);
    limit.cancel();
    await pass(10 * LIMIT_MS);
    expect([reached, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('is extended, once, by the time that the process was busy', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + LIMIT_MS + 80);
    await pass(LIMIT_MS);
    clock.mockRestore();
    await pass(79);
    expect(reached).toBe(0);
    await pass(1);
    expect(reached).toBe(1);
  });
});
