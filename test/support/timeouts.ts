import { onTestFinished, vi } from 'vitest';

/**
 * Holds timeouts of exactly `ms` milliseconds until the test calls `run`; all others run normally. Use a length
 * that no other timeout has.
 */
export function holdTimeouts(ms: number): { readonly run: () => void } {
  const held = new Map<unknown, () => void>();
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  type Callback = (...args: unknown[]) => void;
  const hold = (
    callback: (_: void) => void,
    delay?: number,
    ...args: unknown[]
  ): NodeJS.Timeout => {
    if (delay !== ms) return set(callback as Callback, delay, ...args);
    // The caller needs a timeout object that it can clear.
    const timeout = set(() => undefined, ms).unref();
    held.set(timeout, callback);
    return timeout;
  };
  const spies = [
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(hold),
    vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timeout) => {
      held.delete(timeout);
      clear(timeout);
    }),
  ];
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  return {
    run: () => {
      const callbacks = [...held.values()];
      held.clear();
      for (const callback of callbacks) callback();
    },
  };
}
