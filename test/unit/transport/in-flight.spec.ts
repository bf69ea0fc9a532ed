import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InFlight } from '../../../src/transport/in-flight.js';

/** Tells whether a promise has resolved by now. */
function watch(promise: Promise<void>): () => boolean {
  let isResolved = false;
  void promise.then(() => {
    isResolved = true;
  });
  return () => isResolved;
}

describe('what is in flight', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is counted', () => {
    const inFlight = new InFlight();
    inFlight.begin();
    inFlight.begin();
    inFlight.end();
    expect(inFlight.count).toBe(1);
  });

  it('needs no waiting for when it is nothing', async () => {
    await new InFlight().idle(1_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is waited for to its last, and not a timer is left', async () => {
    const inFlight = new InFlight();
    inFlight.begin();
    inFlight.begin();
    const isIdle = watch(inFlight.idle(1_000));
    inFlight.end();
    await vi.advanceTimersByTimeAsync(999);
    expect(isIdle()).toBe(false);
    inFlight.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(isIdle()).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is waited for no longer than the time-out', async () => {
    const inFlight = new InFlight();
    inFlight.begin();
    const isIdle = watch(inFlight.idle(1_000));
    await vi.advanceTimersByTimeAsync(999);
    expect(isIdle()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(isIdle()).toBe(true);
    expect(inFlight.count).toBe(1);
  });

  it('can be waited for again', async () => {
    const inFlight = new InFlight();
    for (let i = 0; i < 2; i++) {
      inFlight.begin();
      const isIdle = watch(inFlight.idle(1_000));
      inFlight.end();
      await vi.advanceTimersByTimeAsync(0);
      expect(isIdle()).toBe(true);
    }
  });

  it('can be waited for by two at a time', async () => {
    const inFlight = new InFlight();
    inFlight.begin();
    const first = watch(inFlight.idle(1_000));
    const second = watch(inFlight.idle(2_000));
    inFlight.end();
    await vi.advanceTimersByTimeAsync(0);
    expect([first(), second()]).toEqual([true, true]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
