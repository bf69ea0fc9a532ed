import { assert, constantFrom, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import { parseGlob, matchTokens, toByteString } from '../../../src/channel/glob.js';
import { hasText, patternOf } from '../../../src/inspector/name-filter.js';

const unit = constantFrom('a', 'B', 'b', '.', ':', '*', '?', '[', ']', '\\', '^', '-', 'é', '1');
const name = string({ unit, minLength: 1, maxLength: 8 });
const filter = string({ unit, maxLength: 3 });

/** Whether Redis delivers the channel for the pattern. */
function matches(pattern: string, channel: string): boolean {
  const tokens = parseGlob(ChannelPattern.parse(pattern).name);
  return matchTokens(tokens, toByteString(channel)) !== undefined;
}

describe('patternOf', () => {
  it('matches the channels that contain the text, whatever characters it has', () => {
    assert(
      property(filter, name, (text, channel) => {
        expect(matches(patternOf(text), channel)).toBe(hasText(text, channel));
      }),
      { numRuns: 2_000 },
    );
  });

  it('has no parameters, which would match whole segments only', () => {
    assert(
      property(filter, (text) => {
        expect(ChannelPattern.parse(patternOf(text)).hasParams).toBe(false);
      }),
    );
  });
});

describe('hasText', () => {
  it('looks into each name, in any case', () => {
    expect(hasText('ORDER', undefined, 'onOrder')).toBe(true);
    expect(hasText('order', 'user', undefined)).toBe(false);
    expect(hasText('', undefined)).toBe(true);
  });
});
