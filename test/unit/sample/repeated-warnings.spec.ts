import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RepeatedWarnings } from '../../../sample/notifications/process/repeated-warnings.js';

const INTERVAL_MS = 10_000;

function createWarnings() {
  const lines: string[] = [];
  return { lines, warnings: new RepeatedWarnings((line) => lines.push(line)) };
}

describe('repeated warnings of the sample', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are one line at once, and their number after an interval', () => {
    const { lines, warnings } = createWarnings();
    for (let i = 0; i < 1_000; i++) warnings.warn('a');
    warnings.warn('b');
    expect(lines.splice(0)).toEqual(['a', 'b']);
    vi.advanceTimersByTime(INTERVAL_MS);
    expect(lines.splice(0)).toEqual(['a (999 more within 10 s)']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are logged at once again in the next interval', () => {
    const { lines, warnings } = createWarnings();
    warnings.warn('a');
    vi.advanceTimersByTime(INTERVAL_MS);
    warnings.warn('a');
    vi.advanceTimersByTime(INTERVAL_MS);
    expect(lines).toEqual(['a', 'a']);
  });

  it('are at most 20 different lines, and the number of the others', () => {
    const { lines, warnings } = createWarnings();
    for (let i = 0; i < 1_000; i++) warnings.warn(`line ${i}`);
    expect(lines.splice(0)).toHaveLength(20);
    vi.advanceTimersByTime(INTERVAL_MS);
    expect(lines).toEqual(['980 warnings of other kinds within 10 s are not shown']);
  });
});
