import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { BoundedIterator } from '../../../src/graphql/bounded-iterator.js';

const DONE = { value: undefined, done: true };
const valueOf = (value: number) => ({ value, done: false });

function create(overflow: 'drop-oldest' | 'drop-newest' | 'error' = 'drop-oldest', maxWaiting = 2) {
  const close = vi.fn<() => void>();
  const open = vi.fn<() => () => void>(() => close);
  const onOverflow = vi.fn<() => Error>(() => new Error('too many'));
  const iterator = new BoundedIterator<number>({ maxWaiting, overflow, open, onOverflow });
  return { iterator, open, close, onOverflow };
}

describe('BoundedIterator', () => {
  it('opens with the first next, and closes once', async () => {
    const { iterator, open, close } = create();
    expect(iterator[Symbol.asyncIterator]()).toBe(iterator);
    expect(open).not.toHaveBeenCalled();
    const next = iterator.next();
    expect(open).toHaveBeenCalledTimes(1);
    iterator.push(1);
    expect(await next).toEqual(valueOf(1));
    expect(await iterator.return()).toEqual(DONE);
    expect(await iterator.return()).toEqual(DONE);
    expect(await iterator.next()).toEqual(DONE);
    expect(open).toHaveBeenCalledTimes(1);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('opens nothing after return', async () => {
    const { iterator, open } = create();
    await iterator.return();
    expect(await iterator.next()).toEqual(DONE);
    expect(open).not.toHaveBeenCalled();
  });

  it('closes what ends within its opening', async () => {
    const { close, onOverflow } = create();
    const iterator: BoundedIterator<number> = new BoundedIterator<number>({
      maxWaiting: 1,
      overflow: 'error',
      open: () => {
        iterator.end();
        return close;
      },
      onOverflow,
    });
    expect(await iterator.next()).toEqual(DONE);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('ends all readers that wait at return, and rejects throw', async () => {
    const { iterator, close } = create();
    const waiting = [iterator.next(), iterator.next()];
    await iterator.return();
    expect(await Promise.all(waiting)).toEqual([DONE, DONE]);
    const other = create();
    const pull = other.iterator.next();
    await expect(other.iterator.throw(new Error('no'))).rejects.toThrow('no');
    expect(await pull).toEqual(DONE);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('gives what waits before its end, and an error once', async () => {
    const { iterator } = create();
    iterator.push(1);
    iterator.end({ error: new Error('lost') });
    iterator.push(2);
    iterator.end();
    expect(await iterator.next()).toEqual(valueOf(1));
    await expect(iterator.next()).rejects.toThrow('lost');
    expect(await iterator.next()).toEqual(DONE);
  });

  it('rejects one reader that waits, and ends the others', async () => {
    const { iterator } = create();
    const [first, second] = [iterator.next(), iterator.next()];
    iterator.end({ error: new Error('lost') });
    await expect(first).rejects.toThrow('lost');
    expect(await second).toEqual(DONE);
  });

  it.each([
    ['drop-oldest', [2, 3]],
    ['drop-newest', [1, 2]],
  ] as const)('with %s keeps %j of three values', async (overflow, kept) => {
    const { iterator, onOverflow } = create(overflow);
    for (const value of [1, 2, 3]) iterator.push(value);
    expect(onOverflow).toHaveBeenCalledTimes(1);
    for (const value of kept) expect(await iterator.next()).toEqual(valueOf(value));
  });

  it('with error fails at one value too many, and drops what waits', async () => {
    const { iterator } = create('error');
    for (const value of [1, 2, 3]) iterator.push(value);
    await expect(iterator.next()).rejects.toThrow('too many');
    expect(await iterator.next()).toEqual(DONE);
  });

  it('gives each value once and in order, and never holds more than its limit', async () => {
    const steps = fc.array(fc.constantFrom('push', 'next'), { maxLength: 60 });
    const overflows = fc.constantFrom('drop-oldest', 'drop-newest');
    await fc.assert(
      fc.asyncProperty(
        steps,
        overflows,
        fc.integer({ min: 1, max: 4 }),
        async (all, overflow, max) => {
          const { iterator } = create(overflow, max);
          const [expected, pulls]: [number[], Promise<unknown>[]] = [[], []];
          const waiting: number[] = [];
          let value = 0;
          for (const step of all) {
            if (step === 'next') {
              pulls.push(iterator.next());
              const first = waiting.shift();
              if (first !== undefined) expected.push(first);
            } else {
              iterator.push(++value);
              if (expected.length < pulls.length) expected.push(value);
              else if (waiting.length < max) waiting.push(value);
              else if (overflow === 'drop-oldest')
                waiting.splice(0, max, ...waiting.slice(1), value);
            }
          }
          await iterator.return();
          const results = (await Promise.all(pulls)) as { value?: number }[];
          expect(results.map((it) => it.value).filter((it) => it !== undefined)).toEqual(expected);
        },
      ),
    );
  });
});
