import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addToast, Toasts } from '../../../sample/notifications/gateway/page/toasts.js';
import { createStore } from './create-store.js';
import { notification } from './notification.js';

/** Longer than the page shows a toast, held or not; in milliseconds. */
const LONG_MS = 60_000;

function createToasts({ isHeld }: { isHeld: boolean }) {
  const store = createStore();
  const attention = { isHeld };
  const toasts = new Toasts(store, () => attention.isHeld);
  return { toasts, attention, shown: () => store.state.toasts.map(({ id }) => id) };
}

describe('toasts', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are three at most, the newest first', () => {
    const toasts = ['a', 'b', 'c', 'd'].map(notification).reduce(addToast, []);
    expect(toasts.map(({ id }) => id)).toEqual(['d', 'c', 'b']);
  });

  it('disappear after some time, and leave no timer', () => {
    const { toasts, shown } = createToasts({ isHeld: false });
    toasts.show(notification('a'));
    expect(shown()).toEqual(['a']);
    vi.advanceTimersByTime(LONG_MS);
    expect(shown()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('stay while they are held, with one timer each, and none for a removed toast', () => {
    const { toasts, attention, shown } = createToasts({ isHeld: true });
    for (const id of ['a', 'b', 'c', 'd', 'e']) toasts.show(notification(id));
    toasts.dismiss('d');
    vi.advanceTimersByTime(LONG_MS);
    expect(shown()).toEqual(['e', 'c']);
    expect(vi.getTimerCount()).toBe(2);

    attention.isHeld = false;
    vi.advanceTimersByTime(LONG_MS);
    expect(shown()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
