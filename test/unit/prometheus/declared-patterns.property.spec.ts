import { array, assert, constantFrom, oneof, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import { DeclaredPatterns } from '../../../src/prometheus/declared-patterns.js';

const text = string({ unit: constantFrom('a', 'b', '.', 'é'), minLength: 1, maxLength: 6 });
const part = oneof(text, constantFrom('*', '?', '[ab]', '.:id.', '\\*'));
const source = array(part, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''))
  .filter((it) => {
    try {
      return ChannelPattern.parse(it).source === it;
    } catch {
      return false;
    }
  });
const prefix = constantFrom('', 'a', 'b*', '[');

/** Whether a pattern matches, by another algorithm than that of the code. */
const matches = (pattern: string, channel: string): boolean =>
  ChannelPattern.parse(pattern).overlaps(ChannelPattern.literal(channel));

describe('DeclaredPatterns', () => {
  it('finds a pattern that matches the channel if and only if there is one, also a second time', () => {
    const declarations = array(source, { maxLength: 6 });
    const channels = array(text, { minLength: 1, maxLength: 6 });
    assert(
      property(declarations, channels, prefix, (patterns, names, start) => {
        const declared = new DeclaredPatterns();
        for (const pattern of patterns) {
          const key = ChannelPattern.parse(pattern).subscriptionKey(start, false);
          declared.add({ transport: 'shop', pattern, ...key });
        }
        for (const name of [...names, ...names]) {
          const found = declared.match(start + name);
          const expected = patterns.filter((pattern) => matches(pattern, name));
          expect(expected.length === 0 ? [undefined] : expected).toContain(found);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
