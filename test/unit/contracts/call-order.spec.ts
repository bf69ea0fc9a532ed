import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallOrder } from '../../../src/contracts/call-order.js';
import { Gate } from '../../support/gate.js';

describe('CallOrder', () => {
  it('sends in the order of the calls, whatever the validations do', async () => {
    const calls = fc.array(fc.record({ isValid: fc.boolean(), rank: fc.nat() }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(calls, async (given) => {
        const order = new CallOrder();
        const sent: number[] = [];
        const settles: (() => void)[] = [];
        const results = given.map(({ isValid }, at) => {
          const checked = new Promise<void>((resolve, reject) => {
            settles.push(() => (isValid ? resolve() : reject(new Error('refused'))));
          });
          return order.send(checked, () => sent.push(at));
        });
        const outcomes = Promise.allSettled(results);
        const ranks = given.map(({ rank }, at) => ({ rank, at }));
        for (const { at } of ranks.toSorted((one, other) => one.rank - other.rank)) {
          settles[at]?.();
          await Promise.resolve();
        }
        const statuses = (await outcomes).map(({ status }) => status);
        expect(sent).toEqual(given.flatMap(({ isValid }, at) => (isValid ? [at] : [])));
        expect(statuses).toEqual(given.map((it) => (it.isValid ? 'fulfilled' : 'rejected')));
        expect(order.isBusy).toBe(false);
      }),
    );
  });

  it('is busy until it has sent: a call that need not wait stays behind', async () => {
    const order = new CallOrder();
    const sent: string[] = [];
    const gate = new Gate();
    const slow = order.send(gate.opened, () => sent.push('slow'));
    gate.open();
    for (let tick = 0; tick < 20 && order.isBusy; tick++) await Promise.resolve();
    expect(order.isBusy).toBe(false);
    sent.push('later');
    await slow;
    expect(sent).toEqual(['slow', 'later']);
  });
});
