import { describe, expect, it, vi } from 'vitest';
import { spread } from '../../../sample/notifications/gateway/page/spread.js';
import { from, lastValueFrom, toArray } from 'rxjs';
import { spreadOf, withSpread } from '../../../sample/notifications/gateway/spread.js';

describe('the time over which pages spread what they do at once', () => {
  it.each([
    [0, 0],
    [1, 2],
    [500, 1_000],
    [5_000, 10_000],
    [1_000_000, 10_000],
  ])('for %i streams is %i ms', (streams, ms) => {
    expect(spreadOf(streams)).toBe(ms);
  });

  it('is part of the events at which pages load, with a random time until a reconnection', async () => {
    const resync = { type: 'resync', data: {}, id: 'A' };
    const ready = { type: 'ready', data: { instance: 'gateway-1' } };
    const other = { type: 'presence', data: { online: [] } };
    const eventsAt = (random: number) =>
      lastValueFrom(
        from([resync, other, ready]).pipe(
          withSpread(
            () => 4_000,
            () => random,
          ),
          toArray(),
        ),
      );
    expect(await eventsAt(0)).toEqual([
      { ...resync, data: { spreadMs: 4_000 }, retry: 500 },
      other,
      { ...ready, data: { instance: 'gateway-1', spreadMs: 4_000 }, retry: 500 },
    ]);
    const [{ retry }] = (await eventsAt(0.999)) as [{ retry: number }];
    expect(retry).toBeCloseTo(5_000, -1);
  });

  it('has 500 pages reload in a second, however many streams there are', () => {
    vi.useFakeTimers();
    try {
      const streams = 200;
      const { signal } = new AbortController();
      let loads = 0;
      for (let i = 0; i < streams; i++) {
        spread(
          spreadOf(streams),
          signal,
          () => loads++,
          () => i / streams,
        );
      }
      const seconds = [0.1, 0.2, 0.3, 0.4];
      const loadsAfter = seconds.map(() => {
        vi.advanceTimersByTime(100);
        return loads;
      });
      for (const [i, second] of seconds.entries()) {
        expect(Math.abs((loadsAfter[i] ?? 0) - 500 * second)).toBeLessThanOrEqual(1);
      }
    } finally {
      vi.useRealTimers();
    }
  });

  it('does nothing for a page whose user has signed out', () => {
    vi.useFakeTimers();
    try {
      const controller = new AbortController();
      const run = vi.fn<() => void>();
      spread(100, controller.signal, run);
      controller.abort();
      vi.advanceTimersByTime(100);
      expect(run).not.toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});
