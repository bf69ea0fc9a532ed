import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ServerCount } from '../../../src/socket.io/server-count.js';

async function settled(promise: Promise<void>): Promise<boolean> {
  let isSettled = false;
  void promise.then(() => {
    isSettled = true;
  });
  await vi.advanceTimersByTimeAsync(0);
  return isSettled;
}

describe('ServerCount', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('waits until so many servers are known', async () => {
    const servers = new ServerCount();
    const counted = servers.reaches(3, 1);
    servers.onCount(2);
    expect(await settled(counted)).toBe(false);
    expect(servers.isWaiting).toBe(true);
    servers.onCount(3);
    expect(await settled(counted)).toBe(true);
    expect(servers.isWaiting).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not wait where they are known already', async () => {
    expect(await settled(new ServerCount().reaches(2, 2))).toBe(true);
  });

  it('waits for a second at most', async () => {
    const counted = new ServerCount().reaches(Infinity, 1);
    await vi.advanceTimersByTimeAsync(999);
    expect(await settled(counted)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await settled(counted)).toBe(true);
  });
});
