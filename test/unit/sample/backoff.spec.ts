import { describe, expect, it } from 'vitest';
import { delayAfter } from '../../../sample/notifications/gateway/page/backoff.js';

const ALMOST_ONE = 1 - Number.EPSILON;

describe('the delay before the page reconnects', () => {
  it.each([
    [0, 500],
    [1, 1_000],
    [2, 2_000],
    [4, 8_000],
    [5, 10_000],
    [5_000, 10_000],
  ])('after %i failures is from half a second up to %i ms', (failures, longest) => {
    expect(delayAfter(failures, () => 0)).toBe(500);
    expect(delayAfter(failures, () => ALMOST_ONE)).toBeCloseTo(longest, 0);
  });

  it('differs from page to page', () => {
    expect(delayAfter(3, () => 0.25)).not.toBe(delayAfter(3, () => 0.75));
  });
});
