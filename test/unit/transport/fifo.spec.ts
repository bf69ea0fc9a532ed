import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../../src/transport/fifo.js';

describe('a FIFO', () => {
  it('gives back in the order of arrival', () => {
    const fifo = new Fifo<number>();
    for (const item of [1, 2, 3]) fifo.push(item);
    expect([fifo.shift(), fifo.shift(), fifo.shift(), fifo.shift()]).toEqual([1, 2, 3, undefined]);
  });

  it('shows the next one without taking it', () => {
    const fifo = new Fifo<string>();
    expect(fifo.peek()).toBeUndefined();
    fifo.push('a');
    expect([fifo.peek(), fifo.peek(), fifo.shift(), fifo.peek()]).toEqual([
      'a',
      'a',
      'a',
      undefined,
    ]);
  });

  it('does what an array does, in any order of calls', () => {
    const step = fc.constantFrom('push', 'push', 'shift', 'peek');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const fifo = new Fifo<number>();
        const array: number[] = [];
        for (const [i, it] of steps.entries()) {
          if (it === 'push') {
            fifo.push(i);
            array.push(i);
            continue;
          }
          const expected = it === 'shift' ? array.shift() : array[0];
          expect(fifo[it]()).toBe(expected);
        }
      }),
    );
  });

  it('stays cheap when it is long', () => {
    const fifo = new Fifo<number>();
    const count = 300_000;
    for (let i = 0; i < count; i++) fifo.push(i);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += fifo.shift() ?? Number.NaN;
    expect(sum).toBe((count * (count - 1)) / 2);
  });
});
