import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import {
  fromByteString,
  literalGlob,
  matchTokens,
  parseGlob,
  toByteString,
} from '../../../src/channel/glob.js';

/** One of the characters. */
const oneOf = (characters: string) => fc.constantFrom(...Array.from(characters));

const matches = (glob: string, text: string): boolean =>
  matchTokens(parseGlob(glob), toByteString(text)) !== undefined;

/** How many tokens are read to match a glob. */
function countSteps(glob: string, text: string): number {
  let steps = 0;
  const tokens = new Proxy(parseGlob(glob), {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) steps++;
      return Reflect.get(target, key) as unknown;
    },
  });
  matchTokens(tokens, toByteString(text));
  return steps;
}

describe('a glob', () => {
  it.each([
    ['news', 'news', true],
    ['news', 'new', false],
    ['news', 'newss', false],
    ['news', 'News', false],
    ['*', 'a', true],
    ['*', 'a.b:c/d', true],
    ['user.*', 'user.', true],
    ['user.*', 'user', false],
    ['user.*', 'user.1.inbox', true],
    ['*.inbox', 'user.1.inbox', true],
    ['*.inbox', 'user.1.inbox.x', false],
    ['u*r*x', 'user.x', true],
    ['a***b', 'ab', true],
    ['a***b', 'a..b', true],
    ['a**', 'a', true],
    ['*a*b*c*', 'xxaxxbxxcxx', true],
    ['*a*b*c*', 'xxcxxbxxaxx', false],
    ['*ab', 'aab', true],
    ['?', 'a', true],
    ['?', 'ab', false],
    ['a?c', 'abc', true],
    ['a?', 'a', false],
  ])('%j and stars and question marks: %j → %j', (glob, text, expected) => {
    expect(matches(glob, text)).toBe(expected);
  });

  it.each([
    ['[abc]', 'b', true],
    ['[abc]', 'd', false],
    ['[abc]', 'bb', false],
    ['x[ab]y', 'xby', true],
    ['[a-c]', 'b', true],
    ['[a-c]', '-', false],
    ['[c-a]', 'b', true],
    ['[a-]', 'a', true],
    ['[a-]', '_', true],
    ['[-a]', '-', true],
    ['[^a]', 'b', true],
    ['[^a]', 'a', false],
    ['[^a-c]', 'b', false],
    ['[a^]', '^', true],
    ['[]', 'a', false],
    ['[]a]', 'a]', false],
    ['[^]', 'a', true],
    ['[^', 'a', true],
    ['[', '[', false],
    ['[abc', 'b', true],
    ['[abc', 'd', false],
    ['[^abc', 'd', true],
    ['[a-', '-', true],
    [String.raw`[\]]`, ']', true],
    [String.raw`[\]`, ']', true],
    ['[\\', '\\', true],
    [String.raw`[\a-c]`, 'b', false],
    [String.raw`[\a-c]`, '-', true],
    ['[*]', '*', true],
    ['[*]', 'a', false],
    ['[?]', 'a', false],
  ])('%j as a class: %j → %j', (glob, text, expected) => {
    expect(matches(glob, text)).toBe(expected);
  });

  it.each([
    [String.raw`\*`, '*', true],
    [String.raw`\*`, 'a', false],
    [String.raw`\?`, '?', true],
    [String.raw`\[a]`, '[a]', true],
    [String.raw`\\`, '\\', true],
    [String.raw`\a`, 'a', true],
    ['a\\', 'a\\', true],
    ['a\\', 'a', false],
    ['*\\', 'a\\', true],
  ])('%j with a backslash: %j → %j', (glob, text, expected) => {
    expect(matches(glob, text)).toBe(expected);
  });

  it.each([
    ['?', 'é', false],
    ['??', 'é', true],
    ['????', '😀', true],
    ['é', 'é', true],
    ['*é', 'café', true],
    ['[é]', 'é', false],
    ['[é][é]', 'é', true],
    [String.raw`\é`, 'é', true],
  ])('%j counts bytes, as Redis does: %j → %j', (glob, text, expected) => {
    expect(matches(glob, text)).toBe(expected);
  });

  it.each([
    ['a star before each byte', (n: number) => `${'*a'.repeat(n)}b`, 'a'],
    ['a star before each class', (n: number) => `${'*[a-c]'.repeat(n)}b`, 'a'],
    ['stars alone', (n: number) => `${'*'.repeat(n)}b`, 'a'],
    ['one star before a long text', (n: number) => `*${'a'.repeat(n)}b`, 'a'],
  ])('is matched in steps that grow no faster than tokens × text: %s', (_, glob, unit) => {
    for (const length of [50, 200]) {
      const steps = countSteps(glob(20), unit.repeat(length));
      expect(steps).toBeLessThanOrEqual(2 * 41 * (length + 1));
    }
  });

  it('is matched in steps that grow no faster than tokens × text: any glob', () => {
    const unit = oneOf('ab*?[]^-\\.');
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 20 }),
        fc.string({ unit: oneOf('ab.'), maxLength: 60 }),
        (glob, text) => {
          const limit = 2 * (parseGlob(glob).length + 1) * (text.length + 1);
          expect(countSteps(glob, text)).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('segment tokens', () => {
  const segment = { kind: 'segment' } as const;
  const dot = { kind: 'byte', byte: '.' } as const;
  const star = { kind: 'star' } as const;

  it('match one whole segment that is not empty', () => {
    expect(matchTokens([segment], 'a')).toEqual(['a']);
    expect(matchTokens([segment], '')).toBeUndefined();
    expect(matchTokens([segment], 'a.b')).toBeUndefined();
    expect(matchTokens([segment, dot, segment], 'a.b')).toEqual(['a', 'b']);
    expect(matchTokens([segment, dot, segment], 'a.')).toBeUndefined();
  });

  it.each(['.', ':', '/'])('end at %j', (separator) => {
    const byte = { kind: 'byte', byte: separator } as const;
    expect(matchTokens([segment, byte, segment], `ab${separator}cd`)).toEqual(['ab', 'cd']);
  });

  it('match a later segment when a star before them takes more', () => {
    expect(matchTokens([star, dot, segment], 'a.b.c')).toEqual(['c']);
    expect(matchTokens([segment, dot, star, dot, segment], 'a.b.c.d')).toEqual(['a', 'd']);
  });

  it('let the earlier star match as few characters as possible', () => {
    expect(matchTokens([star, dot, segment, dot, star], 'a.b.c.d')).toEqual(['b']);
  });
});

describe('literalGlob', () => {
  it('escapes special characters, and no others', () => {
    expect(literalGlob('a*b?c[d]e\\f')).toBe(String.raw`a\*b\?c\[d\]e\\f`);
    expect(literalGlob('user.:id/^-é')).toBe('user.:id/^-é');
  });

  it('makes a glob that matches its text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(matches(literalGlob(text), text)).toBe(true);
      }),
    );
  });

  it('makes a glob that matches no other text', () => {
    const unit = oneOf(String.raw`ab*?[]^-\.é`);
    const text = fc.string({ unit, maxLength: 6 });
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(matches(literalGlob(one), other)).toBe(one === other);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('byte strings', () => {
  it('decode to the same text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(fromByteString(toByteString(text))).toBe(text);
      }),
    );
  });

  it('have a character per byte', () => {
    expect(toByteString('aé😀')).toHaveLength(1 + 2 + 4);
  });
});
