import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Wire } from '../../../src/testing/wire.js';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a wire', () => {
  it('runs its steps in their order, in a later turn of the event loop', async () => {
    const wire = new Wire();
    const ran: number[] = [];
    for (const step of [1, 2, 3]) wire.add(() => ran.push(step));
    await Promise.resolve();
    expect(ran).toEqual([]);
    await wire.whenEmpty();
    expect(ran).toEqual([1, 2, 3]);
  });

  it('runs a step that another one adds in a further turn', async () => {
    const wire = new Wire();
    const ran: string[] = [];
    wire.add(() => {
      ran.push('first');
      wire.add(() => ran.push('added'));
      setImmediate(() => ran.push('turn'));
    });
    await wire.whenEmpty();
    expect(ran).toEqual(['first', 'added']);
  });

  it('is empty at once if it has no step, and after a cut', async () => {
    const wire = new Wire();
    await wire.whenEmpty();
    wire.add(() => undefined);
    expect(wire.isEmpty).toBe(false);
    const empty = wire.whenEmpty();
    wire.cut();
    await empty;
    expect(wire.isEmpty).toBe(true);
  });

  it('calls `onLost` in the place of each step that a cut drops, and of no other', async () => {
    const wire = new Wire();
    const events: string[] = [];
    const add = (name: string): void =>
      wire.add(
        () => events.push(`${name} ran`),
        0,
        () => events.push(`${name} lost`),
      );
    add('a');
    await wire.whenEmpty();
    add('b');
    wire.add(() => events.push('c ran'));
    wire.cut();
    add('d');
    await wire.whenEmpty();
    expect(events).toEqual(['a ran', 'b lost', 'd ran']);
  });

  it('keeps the order where a later step has the shorter delay', async () => {
    vi.useFakeTimers();
    const wire = new Wire();
    const ran: string[] = [];
    wire.add(() => ran.push('slow'), 100);
    wire.add(() => ran.push('fast'));
    await vi.advanceTimersByTimeAsync(98);
    expect(ran).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(ran).toEqual(['slow', 'fast']);
  });

  it('runs delayed steps soon after `hurry`, and leaves no timer', async () => {
    vi.useFakeTimers();
    const wire = new Wire();
    const ran: string[] = [];
    wire.add(() => ran.push('late'), 60_000);
    wire.add(() => ran.push('later'), 90_000);
    expect(vi.getTimerCount()).toBe(1);
    wire.hurry();
    await wire.whenEmpty();
    expect(ran).toEqual(['late', 'later']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('holds a step with the delay Infinity until `hurry`, with a timer that Node knows', async () => {
    const start = vi.spyOn(globalThis, 'setTimeout');
    const wire = new Wire();
    const run = vi.fn<() => void>();
    wire.add(run, Infinity);
    expect(start.mock.calls.map(([, ms]) => ms)).toEqual([2 ** 31 - 1]);
    wire.hurry();
    await wire.whenEmpty();
    expect(run).toHaveBeenCalledOnce();
  });

  it('runs its steps outside of the context of the code that adds them', async () => {
    const storage = new AsyncLocalStorage<string>();
    const wire = new Wire();
    let seen: string | undefined = 'none ran';
    storage.run('a request', () => wire.add(() => (seen = storage.getStore())));
    await wire.whenEmpty();
    expect(seen).toBeUndefined();
  });
});
