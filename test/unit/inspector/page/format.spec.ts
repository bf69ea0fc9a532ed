import { describe, expect, it } from 'vitest';
import {
  duration,
  plural,
  rate,
  shortCount,
  visible,
  visibleLines,
} from '../../../../src/inspector/page/format.js';

describe('visible', () => {
  it.each([
    ['user.1 é 😀', 'user.1 é 😀'],
    ['a\u202eb', String.raw`a\u202eb`],
    ['a\nb\u0000', String.raw`a\u000ab\u0000`],
    ['a\u200bb', String.raw`a\u200bb`],
    ['\ud800', String.raw`\ud800`],
  ])('shows %j as %j', (name, text) => {
    expect(visible(name)).toBe(text);
  });

  it('keeps the lines of a payload', () => {
    expect(visibleLines('a\n\tb\u202e')).toBe('a\n\tb\\u202e');
  });
});

describe('figures', () => {
  it.each([
    [undefined, '–'],
    [0, '0'],
    [0.04, '< 0.1'],
    [0.44, '0.4'],
    [9.96, '10'],
    [1234.4, '1,234'],
    [123_456, '123.5K'],
  ])('rate(%j) is %j', (value, text) => {
    expect(rate(value)).toBe(text);
  });

  it.each([
    [-5000, '0 s'],
    [0, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [7_200_000, '2 h'],
    [200_000_000, '2 d'],
  ])('duration(%j) is %j', (value, text) => {
    expect(duration(value)).toBe(text);
  });

  it('counts', () => {
    expect([shortCount(9_999), shortCount(12_345_678)]).toEqual(['9,999', '12.3M']);
    expect([plural(1, 'gap'), plural(2_000, 'gap')]).toEqual(['1 gap', '2,000 gaps']);
  });
});
