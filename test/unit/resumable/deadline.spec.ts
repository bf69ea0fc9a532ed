import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadline } from '../../../src/resumable/deadline.js';

function create() {
  const onReached = vi.fn<() => void>();
  return { deadline: new Deadline(onReached), onReached };
}

describe('Deadline', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is reached once, and can start again', () => {
    const { deadline, onReached } = create();
    deadline.start(100);
    vi.advanceTimersByTime(99);
    expect([deadline.isRunning, onReached.mock.calls.length]).toEqual([true, 0]);
    vi.advanceTimersByTime(1);
    expect([deadline.isRunning, onReached.mock.calls.length]).toEqual([false, 1]);
    vi.advanceTimersByTime(1_000);
    expect(onReached).toHaveBeenCalledTimes(1);
    deadline.start(50);
    vi.advanceTimersByTime(50);
    expect(onReached).toHaveBeenCalledTimes(2);
  });

  it('begins again with each renewal, if it runs', () => {
    const { deadline, onReached } = create();
    deadline.renew();
    vi.advanceTimersByTime(1_000);
    deadline.start(100);
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(90);
      deadline.renew();
    }
    expect(onReached).not.toHaveBeenCalled();
    vi.advanceTimersByTime(100);
    expect(onReached).toHaveBeenCalledTimes(1);
  });

  it('is not reached after it was cancelled', () => {
    const { deadline, onReached } = create();
    deadline.start(100);
    deadline.cancel();
    deadline.cancel();
    deadline.renew();
    vi.advanceTimersByTime(1_000);
    expect(onReached).not.toHaveBeenCalled();
  });

  it('is extended once in a busy process, which has not read what arrived', () => {
    const { deadline, onReached } = create();
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    deadline.start(100);
    now = 5_000;
    vi.advanceTimersByTime(100);
    expect(onReached).not.toHaveBeenCalled();
    deadline.renew();
    now = 5_100;
    vi.advanceTimersByTime(100);
    expect(onReached).toHaveBeenCalledTimes(1);
    deadline.start(100);
    now = 9_000;
    vi.advanceTimersByTime(100);
    vi.advanceTimersByTime(1_000);
    expect(onReached).toHaveBeenCalledTimes(2);
  });
});
