import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TickBatch } from '../../../src/shared/tick-batch.js';

/** Adds so many items in each tick; returns which of them are sent at once, and how many ticks ended. */
async function run(counts: readonly number[]) {
  let ends = 0;
  const batch = new TickBatch(() => ends++);
  const atOnce: boolean[][] = [];
  for (const count of counts) {
    atOnce.push(Array.from({ length: count }, () => batch.add()));
    await new Promise(setImmediate);
  }
  return { atOnce, ends };
}

describe('TickBatch', () => {
  it('sends the first item at once, and the others of its tick at the end', async () => {
    expect(await run([3])).toEqual({ atOnce: [[true, false, false]], ends: 1 });
  });

  it('sends single items at once', async () => {
    expect(await run([1, 1, 1])).toEqual({ atOnce: [[true], [true], [true]], ends: 3 });
  });

  it('lets the first item wait in the tick after one with several', async () => {
    expect(await run([2, 1, 1])).toEqual({ atOnce: [[true, false], [false], [true]], ends: 3 });
  });

  it('calls the function after the code of the tick, before its timers and I/O', async () => {
    const order: string[] = [];
    const batch = new TickBatch(() => order.push('end'));
    setImmediate(() => order.push('immediate'));
    batch.add();
    order.push('code');
    await new Promise(setImmediate);
    expect(order).toEqual(['code', 'end', 'immediate']);
  });

  it('sends an item at once exactly if it is the first after a tick with one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 8 }),
        async (counts) => {
          const { atOnce, ends } = await run(counts);
          expect(ends).toBe(counts.length);
          for (const [i, items] of atOnce.entries()) {
            const isAfterSingle = i === 0 || counts[i - 1] === 1;
            expect(items).toEqual(items.map((_, at) => at === 0 && isAfterSingle));
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
