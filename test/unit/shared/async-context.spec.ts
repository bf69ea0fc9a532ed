import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { CallerContext, runIsolated, runOutside } from '../../../src/shared/async-context.js';

const storage = new AsyncLocalStorage<string>();

describe('runOutside', () => {
  it('runs in no context, with what is created there, and returns the result', async () => {
    const seen: (string | undefined)[] = [];
    const see = (): void => void seen.push(storage.getStore());
    const result = storage.run('request', () => {
      const timer = runOutside(() => {
        see();
        queueMicrotask(see);
        return setTimeout(see, 1);
      });
      see();
      return timer;
    });
    await expect.poll(() => seen).toEqual([undefined, 'request', undefined, undefined]);
    expect(typeof result.refresh).toBe('function');
  });

  it('is not changed by what enters a context in it', () => {
    runOutside(() => storage.enterWith('request'));
    expect(runOutside(() => storage.getStore())).toBeUndefined();
  });

  it('throws what its work throws', () => {
    expect(() => runOutside(() => Buffer.alloc(-1))).toThrow(RangeError);
  });
});

describe('runIsolated', () => {
  it('runs in the current context, and keeps it', () => {
    storage.run('request', () => {
      expect(runIsolated(() => storage.getStore())).toBe('request');
      runIsolated(() => storage.enterWith('another'));
      expect(storage.getStore()).toBe('request');
    });
  });
});

const captured = (): CallerContext => storage.run('request', () => new CallerContext());

describe('CallerContext', () => {
  it('calls a receiver in the context that was current', () => {
    const context = captured();
    const calls: unknown[] = [];
    const receiver = {
      next: (value: number) => calls.push([storage.getStore(), value]),
      error: (error: unknown) => calls.push([storage.getStore(), error]),
      complete: () => calls.push([storage.getStore()]),
    };
    context.next(receiver, 1);
    context.error(receiver, 'no');
    context.complete(receiver);
    expect(calls).toEqual([['request', 1], ['request', 'no'], ['request']]);
  });

  it('runs functions in the context that was current', () => {
    const context = captured();
    const call = (suffix: string): string => `${storage.getStore()}${suffix}`;
    expect(storage.run('other', () => context.runInAsyncScope(call, undefined, '!'))).toBe(
      'request!',
    );
  });
});
