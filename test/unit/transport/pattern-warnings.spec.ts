import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildChannel } from '../../../src/channel/channel-pattern.js';
import { PatternWarnings } from '../../../src/transport/pattern-warnings.js';

describe('PatternWarnings', () => {
  let lines: string[];
  let warnings: PatternWarnings;

  beforeEach(() => {
    vi.useFakeTimers();
    lines = [];
    warnings = new PatternWarnings({ warn: (line: unknown) => lines.push(String(line)) });
  });
  afterEach(() => vi.useRealTimers());

  it('names the method of a pattern, and what to write', () => {
    warnings.checkPattern('user.{id}', false, 'UserEvents.onUser');
    expect(lines).toEqual([
      'The pattern "user.{id}" of UserEvents.onUser may not mean what it says: "{id}" is literal text; a parameter is a segment ":name"',
    ]);
  });

  it('warns about a name once', () => {
    for (let i = 0; i < 3; i++) {
      warnings.checkPattern('user.{id}', false);
      warnings.checkObserved('user.*', false);
      warnings.checkPublished('user.:id', 'channel');
      warnings.checkPublished('user.created', 'channel');
    }
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain('The pattern "user.{id}" may not mean');
    expect(lines[1]).toContain('observePattern');
    expect(lines[2]).toContain('buildChannel');
  });

  it('names encodeSegment, since buildChannel accepts a value with a "*"', () => {
    const channel = buildChannel('user.:id.inbox', { id: '*' });
    warnings.checkObserved(channel, false);
    warnings.checkPublished(buildChannel('room.:id', { id: '*' }), 'channel');
    expect(lines).toEqual([
      expect.stringMatching(/"user\.\*\.inbox" .*encodeSegment for values with such characters$/),
      expect.stringMatching(/"room\.\*": .*encodeSegment for values with such characters$/),
    ]);
  });

  it('knows that a RegExp is no pattern', () => {
    warnings.checkPattern(/user/, false, 'UserEvents.onUser');
    expect(lines[0]).toContain('The pattern "/user/" of UserEvents.onUser');
    expect(lines[0]).toContain('a RegExp is no pattern');
  });

  it.each([
    [new Date(0), '[object Date]'],
    [new Map(), '[object Map]'],
    [[], '[]'],
    [['a'], 'an array in an array'],
  ])('knows that %o is no pattern', (pattern, name) => {
    warnings.checkPattern(pattern, false, 'UserEvents.onUser');
    expect(lines[0]).toContain(`The pattern "${name}" of UserEvents.onUser`);
    expect(lines[0]).toContain('it is no pattern');
  });

  it.each([
    { cmd: 'sum' },
    {},
    new (class {
      cmd = 'sum';
    })(),
    5,
    undefined,
    Symbol('a'),
  ])('accepts the pattern %o', (pattern) => {
    warnings.checkPattern(pattern, false);
    expect(lines).toEqual([]);
  });

  it('takes braces for a hash tag in the name of a shard channel', () => {
    warnings.checkPattern('order.{user}', true);
    warnings.checkObserved('order.{user}', true);
    warnings.checkPublished('order.{user}', 'shard');
    expect(lines).toEqual([]);
  });

  it('keeps a bounded number of names, and logs ten in a second', () => {
    for (let i = 0; i < 1_000; i++) warnings.checkPublished(`user.${i}.*`, 'channel');
    expect(lines).toHaveLength(10);
    vi.advanceTimersByTime(1_000);
    expect(lines.slice(10)).toEqual(['90 more warnings about patterns']);
    warnings.checkPublished('other.*', 'channel');
    vi.advanceTimersByTime(1_000);
    expect(lines).toHaveLength(11);
  });

  it('names every pattern of a start, up to a hundred', () => {
    for (let i = 0; i < 150; i++) warnings.checkPattern(`user${i}.{id}`, false, 'UserEvents.on');
    expect(lines).toHaveLength(100);
    expect(lines[99]).toContain('"user99.{id}" of UserEvents.on');
    vi.advanceTimersByTime(1_000);
    expect(lines).toHaveLength(100);
  });

  it('adds no lines of others to the log, however long a name is', () => {
    warnings.checkPublished(`user\n*${'x'.repeat(900)}`, 'channel');
    expect(lines[0]).not.toContain('\n');
    expect(lines[0]?.length).toBeLessThan(500);
  });
});
