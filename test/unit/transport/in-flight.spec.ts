import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InFlight } from '../../../src/transport/in-flight.js';

/** Returns a function that reports whether the promise has resolved. */
function watch(promise: Promise<void>): () => boolean {
  let isResolved = false;
  void promise.then(() => {
    isResolved = true;
  });
  return () => isResolved;
}

describe('InFlight', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('counts the calls of begin without an end', () => {
    const inFlight = new InFlight();
    inFlight.begin();
    inFlight.begin();
    inFlight.end();
    expect(inFlight.count).toBe(1);
  });

  it('is idle at once when nothing is in flight', async () => {
    await new InFlight().idle(1_000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is idle at the last end, and leaves no timer', async () => {
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

  it('resolves at the timeout, although something is in flight', async () => {
    const inFlight = new InFlight();
    inFlight.begin();
    const isIdle = watch(inFlight.idle(1_000));
    await vi.advanceTimersByTimeAsync(999);
    expect(isIdle()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(isIdle()).toBe(true);
    expect(inFlight.count).toBe(1);
  });

  it('can become idle again', async () => {
    const inFlight = new InFlight();
    for (let i = 0; i < 2; i++) {
      inFlight.begin();
      const isIdle = watch(inFlight.idle(1_000));
      inFlight.end();
      await vi.advanceTimersByTimeAsync(0);
      expect(isIdle()).toBe(true);
    }
  });

  it('has several waiters at a time', async () => {
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
