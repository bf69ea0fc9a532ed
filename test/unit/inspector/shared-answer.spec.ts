import { describe, expect, it } from 'vitest';
import { SharedAnswer } from '../../../src/inspector/shared-answer.js';
import { Gate } from '../../support/gate.js';

function setUp(limits: { readonly maxAgeMs: number; readonly timesTook: number }) {
  const clock = { at: 0, asked: 0, tookMs: 0 };
  const shared = new SharedAnswer(
    async () => {
      clock.at += clock.tookMs;
      clock.asked += 1;
      return clock.asked;
    },
    { ...limits, now: () => clock.at },
  );
  return { clock, shared };
}

describe('SharedAnswer', () => {
  it('asks again when the answer is too old, and not before', async () => {
    const { clock, shared } = setUp({ maxAgeMs: 1000, timesTook: 1 });
    expect(await shared.get()).toBe(1);
    clock.at = 999;
    expect(await shared.get()).toBe(1);
    clock.at = 1000;
    expect(await shared.get()).toBe(2);
  });

  it('keeps an answer for longer that took long', async () => {
    const { clock, shared } = setUp({ maxAgeMs: 1000, timesTook: 10 });
    clock.tookMs = 300;
    expect(await shared.get()).toBe(1);
    clock.at = 2999;
    expect(await shared.get()).toBe(1);
    clock.at = 3000;
    expect(await shared.get()).toBe(2);
  });

  it('asks once for all that wait, however long it takes', async () => {
    const gate = new Gate();
    let asked = 0;
    let at = 0;
    const ask = async (): Promise<number> => {
      asked += 1;
      await gate.opened;
      return asked;
    };
    const shared = new SharedAnswer(ask, { maxAgeMs: 1000, timesTook: 1, now: () => at });
    const first = shared.get();
    at = 60_000;
    const second = shared.get();
    gate.open();
    expect(await Promise.all([first, second])).toEqual([1, 1]);
  });
});
