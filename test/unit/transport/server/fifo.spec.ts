import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fifo } from '../../../../src/transport/server/handler-queue.js';

describe('a FIFO', () => {
  it('gives back in the order of arrival', () => {
    const fifo = new Fifo<number>();
    for (const item of [1, 2, 3]) fifo.push(item);
    expect([fifo.shift(), fifo.shift(), fifo.shift(), fifo.shift()]).toEqual([1, 2, 3, undefined]);
  });

  it('keeps what is wanted, in its order', () => {
    const fifo = new Fifo<number>();
    for (const item of [1, 2, 3, 4, 5]) fifo.push(item);
    fifo.shift();
    fifo.retain((item) => item !== 3);
    expect(fifo.length).toBe(3);
    expect([fifo.shift(), fifo.shift(), fifo.shift(), fifo.shift()]).toEqual([2, 4, 5, undefined]);
  });

  it('does what an array does, in any order of calls', () => {
    const step = fc.constantFrom('push', 'push', 'push', 'shift', 'retain');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const fifo = new Fifo<number>();
        let array: number[] = [];
        const taken: [number | undefined, number | undefined][] = [];
        for (const [i, it] of steps.entries()) {
          if (it === 'push') {
            fifo.push(i);
            array.push(i);
          } else if (it === 'shift') {
            taken.push([fifo.shift(), array.shift()]);
          } else {
            fifo.retain((item) => item % 3 !== 0);
            array = array.filter((item) => item % 3 !== 0);
          }
          expect(fifo.length).toBe(array.length);
        }
        expect(taken.map(([ours]) => ours)).toEqual(taken.map(([, theirs]) => theirs));
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
