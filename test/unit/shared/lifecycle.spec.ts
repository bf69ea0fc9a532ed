import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lifecycle } from '../../../src/shared/lifecycle.js';

const tick = (): Promise<unknown> => new Promise(setImmediate);

const work = (): Promise<void> => Promise.resolve();

describe('Lifecycle', () => {
  it('is neither open nor closed at first', () => {
    const { isOpen, isClosed, generation } = new Lifecycle();
    expect({ isOpen, isClosed, generation }).toEqual({
      isOpen: false,
      isClosed: false,
      generation: 0,
    });
  });

  it('is open or closed as the last call says, and counts the closes', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), (opens) => {
        const lifecycle = new Lifecycle();
        for (const open of opens) {
          const before = lifecycle.generation;
          const opened = open ? lifecycle.open() : before;
          if (!open) lifecycle.markClosed();
          expect(opened).toBe(before);
          expect([lifecycle.isOpen, lifecycle.isClosed]).toEqual([open, !open]);
        }
        expect(lifecycle.generation).toBe(opens.filter((open) => !open).length);
      }),
    );
  });

  it('knows an earlier generation from the current one', () => {
    const lifecycle = new Lifecycle();
    const generation = lifecycle.open();
    expect(lifecycle.isCurrent(generation)).toBe(true);
    lifecycle.markClosed();
    expect(lifecycle.isCurrent(generation)).toBe(false);
    lifecycle.open();
    expect(lifecycle.isCurrent(generation)).toBe(false);
    expect(lifecycle.isCurrent(1)).toBe(true);
  });

  it('runs the work of a close once for calls that come while it runs', async () => {
    const lifecycle = new Lifecycle();
    let runs = 0;
    let finish!: () => void;
    const work = (): Promise<void> => {
      runs++;
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    const closes = [lifecycle.close(work), lifecycle.close(work)];
    expect([runs, lifecycle.isClosed, lifecycle.generation]).toEqual([1, true, 2]);
    finish();
    await Promise.all(closes);
    void lifecycle.close(work);
    expect(runs).toBe(2);
  });

  it('waits for a close that is in progress', async () => {
    const lifecycle = new Lifecycle();
    let finish!: () => void;
    void lifecycle.close(
      () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    );
    let isOver = false;
    const over = lifecycle.closing?.then(() => (isOver = true));
    await tick();
    expect(isOver).toBe(false);
    finish();
    await over;
    expect(isOver).toBe(true);
  });

  it('waits for nothing when no close is in progress', async () => {
    const lifecycle = new Lifecycle();
    expect(lifecycle.closing).toBeUndefined();
    await lifecycle.close(() => Promise.resolve());
    expect(lifecycle.closing).toBeUndefined();
  });

  it('notices another close that begins during the wait', async () => {
    const lifecycle = new Lifecycle();
    void lifecycle.close(work);
    const { generation, closing } = lifecycle;
    void lifecycle.close(work);
    await closing;
    expect(lifecycle.isCurrent(generation)).toBe(false);
  });
});
