import { describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { buildChannel, escapeGlob } from 'nestjs-redis-pubsub';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import { literalGlob, matchTokens, parseGlob, toByteString } from '../../../src/channel/glob.js';

/** One of the characters. */
const oneOf = (characters: string) => fc.constantFrom(...Array.from(characters));

const matchesGlob = (glob: string, text: string): boolean =>
  matchTokens(parseGlob(glob), toByteString(text)) !== undefined;

const separator = fc.constantFrom('.', ':', '/');
const value = fc.string({ unit: oneOf('ab*?[\\-^é😀'), minLength: 1, maxLength: 4 });
const channel = fc.string({ unit: oneOf('ab.:/é'), minLength: 1, maxLength: 12 });

/** Patterns as users write them: segments that are a word, a star, or a parameter of its own name. */
const segments = fc.array(
  fc.tuple(
    fc.constantFrom('word', 'star', 'param'),
    fc.constantFrom('a', 'b', 'ab', 'é'),
    separator,
  ),
  { minLength: 1, maxLength: 5 },
);

type Segments = readonly (readonly [kind: string, word: string, separator: string])[];

const patternOf = (parts: Segments): string =>
  parts
    .map(([kind, word, mark], i) => {
      const text = { word, star: '*', param: `:p${i}` }[kind] ?? '';
      return i === 0 ? text : mark + text;
    })
    .join('');

const referenceOf = (parts: Segments): RegExp =>
  new RegExp(
    `^${parts
      .map(([kind, word, mark], i) => {
        const text = { word, star: '[^]*?', param: `(?<p${i}>[^.:/]+)` }[kind] ?? '';
        return i === 0 ? text : `[${mark}]${text}`;
      })
      .join('')}$`,
  );

describe('patterns with parameters', () => {
  it('match as a regular expression with a whole segment for each parameter', () => {
    const withParam = segments.filter((parts) => parts.some(([kind]) => kind === 'param'));
    fc.assert(
      fc.property(withParam, channel, (parts, name) => {
        const found = ChannelPattern.parse(patternOf(parts)).match(name);
        expect(found).toEqual(referenceOf(parts).exec(name)?.groups);
      }),
      { numRuns: 2_000 },
    );
  });

  it('subscribe to a glob that matches all their channels', () => {
    const wild = fc.string({
      unit: fc.constantFrom('a', 'b', '.', ':', '/', ':id', ':x', '*', '?', '[ab]', '\\', '^', '-'),
      minLength: 1,
      maxLength: 8,
    });
    const name = fc.string({ unit: oneOf('ab.:/idx\\'), minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(wild, name, (source, text) => {
        let pattern: ChannelPattern;
        try {
          pattern = ChannelPattern.parse(source);
        } catch {
          return;
        }
        if (!pattern.hasParams || !pattern.match(text)) return;
        expect(matchesGlob(pattern.name, text)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('match without parameters as a glob, and as their subscription', () => {
    const glob = fc.string({ unit: oneOf('ab*?[]^-\\é'), minLength: 1, maxLength: 8 });
    const name = fc.string({ unit: oneOf('ab*?[]^-\\é'), minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(glob, name, (source, text) => {
        const pattern = ChannelPattern.parse(source);
        const isMeant =
          pattern.kind === 'channel' ? pattern.name === text : matchesGlob(pattern.name, text);
        expect(isMeant).toBe(matchesGlob(source, text));
      }),
      { numRuns: 5_000 },
    );
  });

  it('return the values that buildChannel received', () => {
    const template = segments.map((parts) =>
      patternOf(parts.map(([kind, word, mark]) => [kind === 'star' ? 'word' : kind, word, mark])),
    );
    fc.assert(
      fc.property(template, fc.array(value, { minLength: 5, maxLength: 5 }), (source, given) => {
        // As many as there are parameters: a value without a place is refused.
        const names = new Set([...source.matchAll(/(?<!\\):(p\d)/g)].map(([, it]) => String(it)));
        const values = Object.fromEntries([...names].map((it, i) => [it, given[i] ?? 'x']));
        const pattern = ChannelPattern.parse(source);
        const name = buildChannel(source, values);
        expect(pattern.match(name)).toEqual(values);
        const isDelivered =
          pattern.kind === 'channel' ? name === pattern.name : matchesGlob(pattern.name, name);
        expect(isDelivered).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('match escaped text literally, and parameters after it as parameters', () => {
    const text = fc.string({ unit: oneOf('ab*?[]^-\\.:/_é'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(text, separator, (text, mark) => {
        expect(ChannelPattern.parse(escapeGlob(text))).toMatchObject({
          kind: 'channel',
          name: text,
        });
        expect(ChannelPattern.parse(`a${mark}:${escapeGlob(text)}`)).toMatchObject({
          kind: 'channel',
          name: `a${mark}:${text}`,
        });
        const pattern = ChannelPattern.parse(`${escapeGlob(text + mark)}:id`);
        expect(pattern.match(`${text}${mark}x`)).toEqual({ id: 'x' });
        expect(pattern.name).toBe(`${literalGlob(text + mark)}*`);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never match outside their prefix', () => {
    const text = fc.string({ unit: oneOf('ab*?[]^-\\é:'), maxLength: 5 });
    fc.assert(
      fc.property(text, text, (prefix, other) => {
        const glob = ChannelPattern.parse('*').withPrefix(prefix);
        expect(glob).toBe(`${literalGlob(prefix)}*`);
        expect(matchesGlob(glob, `${other}x`)).toBe(`${other}x`.startsWith(prefix));
      }),
      { numRuns: 1_000 },
    );
  });
});
