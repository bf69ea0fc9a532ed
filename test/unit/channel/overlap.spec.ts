import { describe, expect, it } from 'vitest';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';

const overlap = (one: string, other: string): boolean =>
  ChannelPattern.parse(one).overlaps(ChannelPattern.parse(other));

describe('ChannelPattern#overlaps', () => {
  it.each([
    ['a.*', 'a.b'],
    ['a.*', 'a.b.*'],
    ['a.*', '*.b'],
    ['a', 'a'],
    ['*', '*'],
    ['user.:id', 'user.*'],
    ['user.:id', 'user.me'],
    ['user.:id.inbox', 'user.:name.*'],
    ['a?c', 'ab*'],
    ['[ab]x', '[bc]x'],
    ['[^a]*x', 'éx'],
    [String.raw`a\*`, 'a?'],
    ['ü.*', '*.ü'],
  ])('is true for %s and %s', (one, other) => {
    expect(overlap(one, other)).toBe(true);
    expect(overlap(other, one)).toBe(true);
  });

  it.each([
    ['a.*', 'b.*'],
    ['a', 'b'],
    ['a', 'a.b'],
    ['user.:id', 'user.:id.inbox'],
    ['user.:id', 'user.'],
    ['a?', 'a'],
    ['[ab]x', '[cd]x'],
    ['[^a]', 'a'],
    [String.raw`a\*`, 'ab'],
    ['*.created', '*.paid'],
  ])('is false for %s and %s', (one, other) => {
    expect(overlap(one, other)).toBe(false);
    expect(overlap(other, one)).toBe(false);
  });

  it('ends soon for patterns of any length', () => {
    const long = '*a'.repeat(60_000);
    expect(overlap(long, long.slice(2))).toBe(false);
  });
});
