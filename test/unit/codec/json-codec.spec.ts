import { describe, expect, it } from 'vitest';
import { jsonCodec } from '../../../src/codec/json-codec.js';
import { ChunkPayload } from '../../../src/shared/payload.js';
import { payloadOf } from '../../support/payload.js';

const decode = (payload: string | number[]): unknown =>
  jsonCodec.decode(payloadOf(typeof payload === 'string' ? payload : Buffer.from(payload)));

describe('jsonCodec.decode', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['[1,"x"]', [1, 'x']],
    ['"text"', 'text'],
    ['42', 42],
    ['-1500', -1500],
    ['0.5', 0.5],
    ['1e+21', 1e21],
    ['0', 0],
    ['true', true],
    ['false', false],
    ['null', null],
    [' \t\r\n{"a":1} ', { a: 1 }],
    ['[7.0]', [7]],
    ['"é😀"', 'é😀'],
    [String.raw`"\ud800"`, '\ud800'],
  ])('decodes JSON: %j', (payload, value) => {
    expect(decode(payload)).toEqual(value);
  });

  it.each([
    '',
    ' ',
    'hello',
    'hello "world"',
    '{',
    '{not json}',
    '[1,',
    '"open',
    '-',
    '01',
    'nul',
    'nullable',
    'trueish',
    'falsey',
    'NaN',
    "{'a':1}",
    '1 2',
    '\0',
    'é',
    '\ufeff{"a":1}',
    'undefined',
  ])('returns text that is not JSON unchanged: %j', (payload) => {
    expect(decode(payload)).toBe(payload);
  });

  it.each([
    '1163524986217881613',
    '-1163524986217881613',
    '9007199254740993',
    '1.0',
    '0.10',
    '1e3',
    '1E3',
    '-1.5e3',
    '1e400',
    '-0',
    '0.0',
    '007',
    ' 7',
    '7\n',
  ])('returns a number that JavaScript would print otherwise as its text: %j', (payload) => {
    expect(decode(payload)).toBe(payload);
  });

  it.each(['{"id":1163524986217881613,"price":1.0}', '[1e3,-0]'])(
    'leaves the numbers in a JSON document to JSON: %s',
    (payload) => {
      expect(decode(payload)).toEqual(JSON.parse(payload));
    },
  );

  it.each([
    ['a byte that UTF-8 has not', [0xff, 0x00]],
    ['a character cut short', [0x61, 0xc3]],
    ['an overlong form', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['JSON around a byte that UTF-8 has not', [0x22, 0xff, 0x22]],
    ['U+FFFD beside such a byte', [0xef, 0xbf, 0xbd, 0xff]],
  ])('returns the bytes of %s', (_, bytes) => {
    const value = decode(bytes);
    expect(value).toBeInstanceOf(Buffer);
    expect(value).toEqual(Buffer.from(bytes));
  });

  it('keeps U+FFFD of the payload', () => {
    expect(decode('a\ufffdb')).toBe('a\ufffdb');
    expect(decode('{"a":"\ufffd"}')).toEqual({ a: '\ufffd' });
  });

  it('reads a part of a chunk', () => {
    expect(jsonCodec.decode(new ChunkPayload(Buffer.from('x{"a":1}x'), 1, 8))).toEqual({ a: 1 });
  });

  it('sets no prototype for a __proto__ key', () => {
    const value = decode('{"__proto__":{"isAdmin":true}}') as { isAdmin?: boolean };
    expect(value.isAdmin).toBeUndefined();
  });
});

describe('jsonCodec.encode', () => {
  it.each([
    [{ a: 1 }, '{"a":1}'],
    ['text', '"text"'],
    [null, 'null'],
    [[undefined], '[null]'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ])('writes %j', (value, json) => {
    expect(jsonCodec.encode(value)).toBe(json);
  });

  it.each([[undefined], [() => 1], [Symbol('x')]])('refuses what JSON cannot hold: %s', (value) => {
    expect(() => jsonCodec.encode(value)).toThrow(TypeError);
  });

  it('refuses a circular value and a bigint', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(() => jsonCodec.encode(circle)).toThrow(TypeError);
    expect(() => jsonCodec.encode(1n)).toThrow(TypeError);
  });
});
