import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Recovery } from '../../../sample/notifications/gateway/page/recovery.js';

const CHECK_INTERVAL_MS = 3_000;

function createRecovery() {
  const closing = new AbortController();
  const state = { isWell: false, loads: 0, recovered: 0 };
  const recovery = new Recovery({
    signal: closing.signal,
    load: async () => void (state.loads += 1),
    isWell: () => state.isWell,
    onRecovered: () => void (state.recovered += 1),
  });
  return { recovery, state, closing };
}

describe('the recovery of the page', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('loads at intervals until a load succeeds, and then no more', async () => {
    const { recovery, state } = createRecovery();
    recovery.begin();
    recovery.begin();
    await vi.advanceTimersByTimeAsync(3 * CHECK_INTERVAL_MS);
    expect(state).toEqual({ isWell: false, loads: 3, recovered: 0 });
    state.isWell = true;
    await vi.advanceTimersByTimeAsync(CHECK_INTERVAL_MS);
    expect(state).toEqual({ isWell: true, loads: 4, recovered: 1 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('begins again after the next failure', async () => {
    const { recovery, state } = createRecovery();
    state.isWell = true;
    for (let i = 0; i < 2; i++) {
      recovery.begin();
      await vi.advanceTimersByTimeAsync(CHECK_INTERVAL_MS);
    }
    expect(state).toMatchObject({ loads: 2, recovered: 2 });
  });

  it('ends with the session', async () => {
    const { recovery, state, closing } = createRecovery();
    recovery.begin();
    closing.abort();
    recovery.begin();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(CHECK_INTERVAL_MS);
    expect(state).toEqual({ isWell: false, loads: 0, recovered: 0 });
  });
});
