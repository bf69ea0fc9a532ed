import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FairAnswers } from '../../../src/inspector/fair-answers.js';

/** A server that takes a time for each question. */
function setUp(tookMs: number, given: { readonly maxKeys?: number } = {}) {
  const asked: string[] = [];
  const open = { now: 0, most: 0 };
  const ask = async (key: string): Promise<string> => {
    asked.push(key);
    open.most = Math.max(open.most, ++open.now);
    await new Promise((resolve) => setTimeout(resolve, tookMs));
    open.now--;
    return `${key} ${asked.length}`;
  };
  const limits = { maxAgeMs: 1_000, restTimes: 9, maxWaitMs: 2_000, maxKeys: 50, ...given };
  return { answers: new FairAnswers(ask, 'busy', limits), asked, open };
}

/** The answer, whatever time it takes. */
async function settled<T>(answer: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(2_000);
  return answer;
}

describe('FairAnswers', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('ask once for all that ask the same, and again when the answer is too old', async () => {
    const { answers, asked } = setUp(1);
    const [one, other] = [answers.get('a'), answers.get('a')];
    await vi.advanceTimersByTimeAsync(1);
    expect([await one, await other]).toEqual(['a 1', 'a 1']);
    await vi.advanceTimersByTimeAsync(998);
    expect(await answers.get('a')).toBe('a 1');
    await vi.advanceTimersByTimeAsync(1);
    expect(await settled(answers.get('a'))).toBe('a 2');
    expect(asked).toEqual(['a', 'a']);
  });

  it('take no more than a tenth of the time, however many questions there are', async () => {
    const { answers, asked, open } = setUp(10);
    for (let elapsed = 0; elapsed < 10_000; elapsed += 50) {
      for (let i = 0; i < 20; i++) void answers.get(`filter ${i}`);
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(open.most).toBe(1);
    expect(asked.length * 10).toBeLessThanOrEqual(1_010);
    expect(asked.length).toBeGreaterThan(90);
    // Each has its turn.
    const turns = Array.from({ length: 20 }, (_, i) => asked.filter((it) => it === `filter ${i}`));
    expect(Math.min(...turns.map(({ length }) => length))).toBeGreaterThanOrEqual(4);
  });

  it('answer in time with what is known while the server is slow', async () => {
    const { answers, asked } = setUp(3_000);
    const first = answers.get('a');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await first).toBe('busy');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await answers.get('a')).toBe('a 1');
    // It rests for 27 seconds, which is longer than a page waits.
    expect(await answers.get('b')).toBe('busy');
    expect(await answers.get('a')).toBe('a 1');
    await vi.advanceTimersByTimeAsync(26_000);
    expect(asked).toEqual(['a']);
    // "a" was asked for again before "b" was.
    await vi.advanceTimersByTimeAsync(35_000);
    expect(asked).toEqual(['a', 'a', 'b']);
    expect(await answers.get('b')).toBe('b 3');
  });

  it('remember a number of questions, and forget none that is being asked', async () => {
    const { answers, asked } = setUp(100, { maxKeys: 2 });
    const open = [answers.get('a'), answers.get('b')];
    expect(await answers.get('c')).toBe('busy');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await Promise.all(open)).toEqual(['a 1', 'b 2']);
    expect(await settled(answers.get('c'))).toBe('c 3');
    expect(asked).toEqual(['a', 'b', 'c']);
  });
});
