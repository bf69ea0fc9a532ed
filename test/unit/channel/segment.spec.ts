import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildChannel,
  decodeSegment,
  encodeSegment,
  InvalidChannelError,
  InvalidOptionError,
} from 'nestjs-redis-pubsub';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';

/** Any text, with many characters that mean something in a channel or a pattern. */
const anyText = fc.oneof(
  fc.string({
    unit: fc.constantFrom(...Array.from('a_-9.:/*?[]^\\%{}#+> é😀\0\n'), '\ud83d', '\ude00'),
  }),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((codes) => String.fromCharCode(...codes)),
);

/** What becomes of a segment that is decoded and encoded; the segment where decodeSegment refuses it. */
function reencoded(segment: string): string {
  try {
    return encodeSegment(decodeSegment(segment));
  } catch (error) {
    if (error instanceof InvalidChannelError) return segment;
    throw error;
  }
}

describe('encodeSegment', () => {
  it.each([
    ['42', '42'],
    ['Ada_Lovelace-1815', 'Ada_Lovelace-1815'],
    ['3f1c9a52-7f5e-4a44-8d0a-6b3a5c1d2e77', '3f1c9a52-7f5e-4a44-8d0a-6b3a5c1d2e77'],
    ['ada@example.com', 'ada%40example%2Ecom'],
    ['google-oauth2|1.2', 'google-oauth2%7C1%2E2'],
    ['', '%'],
    ['%', '%25'],
    ['*', '%2A'],
    ['a b', 'a%20b'],
    [':id', '%3Aid'],
    ['é😀', '%C3%A9%F0%9F%98%80'],
    ['\ud800', '%ED%A0%80'],
    ['\0', '%00'],
  ])('encodes %j as %j', (text, segment) => {
    expect(encodeSegment(text)).toBe(segment);
    expect(decodeSegment(segment)).toBe(text);
  });

  it('encodes numbers as their text', () => {
    expect(encodeSegment(42)).toBe('42');
    expect(encodeSegment(1.5)).toBe('1%2E5');
    expect(encodeSegment(12345678901234567890n)).toBe('12345678901234567890');
  });

  it('is reversed by decodeSegment for every text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(decodeSegment(encodeSegment(text))).toBe(text);
      }),
      { numRuns: 5_000 },
    );
  });

  it('returns one segment that is neither a pattern nor a parameter', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const segment = encodeSegment(text);
        expect(segment).toMatch(/^[\w%-]+$/);
        const channel = buildChannel('user.:id.inbox', { id: segment });
        expect(ChannelPattern.parse(channel)).toMatchObject({ kind: 'channel', name: channel });
        expect(ChannelPattern.parse('user.:id.inbox').match(channel)).toEqual({ id: segment });
        expect(ChannelPattern.parse(segment)).toMatchObject({ kind: 'channel', name: segment });
        expect(ChannelPattern.parse(`user:${segment}`).kind).toBe('channel');
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([[undefined], [null], [true], [{}], [['a']], [Symbol('a')]])('refuses %s', (value) => {
    const encode = () => encodeSegment(value as string);
    expect(encode).toThrow(InvalidOptionError);
    expect(encode).toThrow(expect.objectContaining({ statusCode: 400 }));
  });
});

describe('decodeSegment', () => {
  it.each([
    ['empty text', ''],
    ['an unfinished escape', '%4'],
    ['a percent sign in text', 'a%'],
    ['lower-case digits', '%c3%a9'],
    ['no digits', '%ZZ'],
    ['a character that needs no escape', '%61'],
    ['bytes that are not UTF-8', '%FF'],
    ['a longer form than needed', '%C0%AF'],
    ['the two surrogates of one character', '%ED%A0%BD%ED%B8%80'],
    ['a character that encodeSegment escapes', 'a@b'],
    ['a separator', 'a.b'],
    ['no text', undefined],
    ['a number', 42],
  ])('refuses %s', (_, segment) => {
    const decode = () => decodeSegment(segment as string);
    expect(decode).toThrow(InvalidChannelError);
    expect(decode).toThrow(expect.objectContaining({ statusCode: 400 }));
  });

  it('refuses every text that encodeSegment does not return', () => {
    const almost = fc.string({
      unit: fc.constantFrom(...Array.from('%0248AaCEDBFf')),
      maxLength: 9,
    });
    fc.assert(
      fc.property(almost, (segment) => {
        expect(reencoded(segment)).toBe(segment);
      }),
      { numRuns: 5_000 },
    );
  });
});
