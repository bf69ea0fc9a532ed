import { range, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { iterateSource } from '../../../src/resumable/iterate-source.js';

const limit = { maxHeld: 3, tooMany: () => new Error('too many') };
const { signal } = new AbortController();

async function collect<T>(iterator: AsyncIterator<T>): Promise<unknown[]> {
  const found: unknown[] = [];
  try {
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return [...found, 'end'];
      found.push(value);
    }
  } catch (error) {
    return [...found, String(error)];
  }
}

describe('iterateSource', () => {
  it('holds the values of an Observable until they are asked for', async () => {
    const subject = new Subject<number>();
    const iterator = iterateSource(subject, signal, limit);
    for (const it of [1, 2, 3]) subject.next(it);
    const collected = collect(iterator);
    await Promise.resolve();
    subject.complete();
    expect(await collected).toEqual([1, 2, 3, 'end']);
  });

  it('waits for the next value', async () => {
    const subject = new Subject<number>();
    const iterator = iterateSource(subject, signal, limit);
    const next = iterator.next();
    subject.next(1);
    expect(await next).toEqual({ done: false, value: 1 });
    const end = iterator.next();
    subject.complete();
    expect(await end).toEqual({ done: true, value: undefined });
  });

  it('unsubscribes when too many wait, also from a source that never pauses', async () => {
    const subject = new Subject<number>();
    const iterator = iterateSource(subject, signal, limit);
    for (const it of [1, 2, 3, 4, 5]) subject.next(it);
    expect(subject.observed).toBe(false);
    expect(await collect(iterator)).toEqual([1, 2, 3, 4, 'Error: too many']);
    const endless = iterateSource(range(1, Infinity), signal, limit);
    expect(await collect(endless)).toEqual([1, 2, 3, 4, 'Error: too many']);
  });

  it('fails with the source, and ends a wait when it is returned', async () => {
    const failing = iterateSource(
      throwError(() => 'text'),
      signal,
      limit,
    );
    expect(await collect(failing)).toEqual(['Error: text']);
    const subject = new Subject<number>();
    const iterator = iterateSource(subject, signal, limit);
    const next = iterator.next();
    await iterator.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(subject.observed).toBe(false);
  });

  it.each([undefined, null, 'text', ['a'], new Set(), 7])('refuses %s', (value) => {
    expect(() => iterateSource(() => value as never, signal, limit)).toThrow('"source"');
  });
});
