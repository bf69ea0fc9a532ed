import { describe, expect, it } from 'vitest';
import {
  exactTime,
  relativeTime,
} from '../../../sample/notifications/gateway/page/relative-time.js';

const TIMESTAMP = '2026-01-01T12:00:00.000Z';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('the time of a notification', () => {
  it.each([
    [0, 'just now'],
    [MINUTE - 1, 'just now'],
    [MINUTE, '1 minute ago'],
    [2 * MINUTE - 1, '1 minute ago'],
    [59 * MINUTE, '59 minutes ago'],
    [HOUR, '1 hour ago'],
    [DAY, 'yesterday'],
    [3 * DAY, '3 days ago'],
    [7 * DAY, 'last week'],
    [31 * DAY, 'last month'],
    [800 * DAY, '2 years ago'],
  ])('after %i ms is %j', (elapsed, words) => {
    expect(relativeTime(TIMESTAMP, Date.parse(TIMESTAMP) + elapsed)).toBe(words);
  });

  it('is never in the future, although the clocks differ', () => {
    expect(relativeTime(TIMESTAMP, Date.parse(TIMESTAMP) - HOUR)).toBe('just now');
  });

  it('is exact when asked for', () => {
    expect(exactTime('2026-06-15T12:34:56.000Z')).toMatch(/June 1[456], 2026.*:\d\d:56/);
  });
});
