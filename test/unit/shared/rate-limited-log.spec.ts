import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RateLimitedLog } from '../../../src/shared/rate-limited-log.js';

describe('RateLimitedLog', () => {
  let written: string[];
  let log: RateLimitedLog;
  const write = (line: string): number => written.push(line);

  beforeEach(() => {
    vi.useFakeTimers();
    written = [];
    log = new RateLimitedLog(write, (count) => `${count} more`);
  });

  afterEach(() => {
    RateLimitedLog.flush();
    vi.useRealTimers();
  });

  const add = (count: number, line = 'line'): void => {
    for (let i = 0; i < count; i++) log.add(() => line);
  };

  it('writes a few lines as they are', () => {
    add(10);
    vi.advanceTimersByTime(5_000);
    expect(written).toEqual(Array(10).fill('line'));
  });

  it('writes ten lines of many, and the number of the others', () => {
    add(1_234);
    expect(written).toEqual(Array(10).fill('line'));
    vi.advanceTimersByTime(1_000);
    expect(written.slice(10)).toEqual(['1224 more']);
  });

  it('creates no line that it does not write', () => {
    add(10);
    let made = 0;
    log.add(() => `line ${++made}`);
    expect(made).toBe(0);
  });

  it('writes lines again after a second, and counts from zero', () => {
    add(11);
    vi.advanceTimersByTime(1_000);
    add(12, 'later');
    vi.advanceTimersByTime(1_000);
    expect(written.slice(10)).toEqual(['1 more', ...Array<string>(10).fill('later'), '2 more']);
  });

  it('writes the number of the others when everything is closed', () => {
    add(12);
    RateLimitedLog.flush();
    expect(written.slice(10)).toEqual(['2 more']);
    vi.advanceTimersByTime(5_000);
    RateLimitedLog.flush();
    expect(written).toHaveLength(11);
    add(1, 'later');
    expect(written.at(-1)).toBe('later');
  });

  const shared = (logs: number, lines: number): void => {
    const total = new RateLimitedLog(write, (count) => `${count} more in all`, 3);
    const limited = Array.from(
      { length: logs },
      (_, i) => new RateLimitedLog(write, (count) => `${count} more of ${i}`, 2, total),
    );
    for (let i = 0; i < lines; i++) for (const one of limited) one.add(() => 'line');
  };

  describe('with a total', () => {
    it('limits the lines of all logs that share it, and counts the others', () => {
      shared(4, 1);
      expect(written).toEqual(['line', 'line', 'line']);
      vi.advanceTimersByTime(1_000);
      expect(written.slice(3)).toEqual(['1 more in all']);
    });

    it('writes as they are the lines of one log below both limits', () => {
      shared(1, 5);
      vi.advanceTimersByTime(1_000);
      expect(written).toEqual(['line', 'line', '3 more of 0']);
    });

    it('counts the lines of both when everything is closed', () => {
      shared(2, 3);
      RateLimitedLog.flush();
      expect(written.slice(0, 3)).toEqual(['line', 'line', 'line']);
      expect(written.slice(3).join()).toContain('more in all');
      vi.advanceTimersByTime(5_000);
      const count = written.length;
      RateLimitedLog.flush();
      expect(written).toHaveLength(count);
    });
  });
});
