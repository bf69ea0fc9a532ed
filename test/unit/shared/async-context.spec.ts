import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import {
  CallerContext,
  runIsolated,
  runOutside,
  SharedContext,
} from '../../../src/shared/async-context.js';

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

const current = (): SharedContext => SharedContext.current();

describe('SharedContext', () => {
  const another = new AsyncLocalStorage<string>();
  const storesIn = (context: SharedContext): unknown =>
    context.runInAsyncScope(() => [storage.getStore(), another.getStore()]);

  it('is one for successive callers with the same stores', () => {
    const inRequest = storage.run('request', () => [current(), current()]);
    expect(inRequest[0]).toBe(inRequest[1]);
    expect(inRequest.map(storesIn)).toEqual([
      ['request', undefined],
      ['request', undefined],
    ]);
    const outside = runOutside(() => [current(), current()]);
    expect(outside[0]).toBe(outside[1]);
    expect(outside.map(storesIn)).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });

  it('is another where a store is different, in the same tick', async () => {
    const contexts: [SharedContext, ...unknown[]][] = [];
    const add = (): void => {
      contexts.push([current(), storage.getStore(), another.getStore()]);
    };
    const addAll = (): void => {
      add();
      storage.run('1', add);
      storage.run('2', () => {
        add();
        another.run('x', add);
        storage.run('1', () => another.run('y', add));
        storage.exit(add);
      });
      add();
    };
    addAll();
    await Promise.resolve();
    addAll();
    setImmediate(() => {
      storage.enterWith('3');
      addAll();
    });
    await expect.poll(() => contexts.length).toBe(21);
    for (const [context, ...stores] of contexts) expect(storesIn(context)).toEqual(stores);
  });

  it('is another where one storage has taken the place of another', () => {
    const [gone, fresh] = [new AsyncLocalStorage<string>(), new AsyncLocalStorage<string>()];
    gone.run('enabled', () => undefined);
    const empty = current();
    gone.disable();
    const context = fresh.run('request', current);
    expect(context).not.toBe(empty);
    expect(context.runInAsyncScope(() => fresh.getStore())).toBe('request');
  });

  it('keeps a context that one caller enters from the others, and from its later calls', () => {
    const context = storage.run('request', current);
    const seen: unknown[] = [];
    const receiver = {
      next: () => {
        seen.push(storage.getStore());
        storage.enterWith('entered');
        another.enterWith('entered');
      },
      error: () => undefined,
      complete: () => undefined,
    };
    context.next(receiver, 1);
    context.next(receiver, 2);
    expect(seen).toEqual(['request', 'request']);
    expect(storesIn(context)).toEqual(['request', undefined]);
    runOutside(() => {
      const empty = current();
      empty.next(receiver, 3);
      expect(storesIn(empty)).toEqual([undefined, undefined]);
    });
  });
});
