import { anything, assert, integer, jsonValue, property, string, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { payloadText } from '../../../src/inspector/payload-text.js';

describe('payloadText', () => {
  it('shows whatever a codec returns, and is as long as allowed at most', () => {
    const data = anything({
      withBigInt: true,
      withMap: true,
      withDate: true,
      withTypedArray: true,
    });
    assert(
      property(data, integer({ min: 0, max: 50 }), (value, max) => {
        const { text, length } = payloadText(value, max);
        expect(text.length).toBeLessThanOrEqual(max);
        expect(length ?? Infinity).toBeGreaterThanOrEqual(text.length);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });

  it('shows text as it is', () => {
    assert(
      property(string({ unit: 'grapheme' }), (value) => {
        expect(payloadText(value, 10_000)).toEqual({ text: value, length: value.length });
      }),
    );
  });

  it('shows bytes as hexadecimal digits', () => {
    assert(
      property(uint8Array({ maxLength: 200 }), (bytes) => {
        const { text } = payloadText(bytes, 10_000);
        const [head, digits = ''] = text.split(': ');
        expect(head).toBe(`${bytes.length} bytes`);
        expect(Buffer.from(digits.replaceAll(' ', ''), 'hex')).toEqual(Buffer.from(bytes));
      }),
    );
    expect(payloadText(new Uint8Array(201), 10_000).text).toMatch(/^201 bytes: 00 (?:00 )+…$/);
  });

  it.each([
    [{ a: [1, null, 'b'] }, '{"a":[1,null,"b"]}'],
    [undefined, 'undefined'],
    [12n, '"12"'],
    [null, 'null'],
  ])('shows %o', (value, text) => {
    expect(payloadText(value, 100)).toEqual({ text, length: text.length });
  });

  it('is the beginning of what JSON.stringify writes', () => {
    assert(
      property(jsonValue(), integer({ min: 0, max: 50 }), (value, max) => {
        const json = typeof value === 'string' ? value : JSON.stringify(value);
        const { text, length } = payloadText(value, max);
        expect(text).toBe(json.slice(0, max).toWellFormed());
        expect(length ?? Infinity).toBe(
          json.length > max && length === undefined ? Infinity : json.length,
        );
        expect(payloadText(value, 10_000)).toEqual({ text: json, length: json.length });
      }),
    );
  });

  it('leaves out what JSON leaves out', () => {
    const value = {
      a: undefined,
      b: [undefined, () => 1],
      c: () => 1,
      d: new Date(0),
      e: Number.NaN,
    };
    const json = '{"b":[null,null],"d":"1970-01-01T00:00:00.000Z","e":null}';
    expect(payloadText(value, 100).text).toBe(json);
    expect(JSON.stringify(value)).toBe(json);
    expect(payloadText({ bytes: Buffer.of(1, 2) }, 100).text).toBe('{"bytes":"2 bytes: 01 02"}');
  });

  it('reads no more of a payload than it shows', () => {
    let read = 0;
    const items = Array.from({ length: 10_000 }, () => ({
      toJSON() {
        read += 1;
        return 'x';
      },
    }));
    expect(payloadText({ items, more: 'y'.repeat(10_000) }, 100)).toEqual({
      text: `{"items":[${'"x",'.repeat(22)}"x`,
      length: undefined,
    });
    expect(read).toBeLessThanOrEqual(25);
    expect(payloadText(['y'.repeat(1_000_000)], 10)).toEqual({
      text: '["yyyyyyyy',
      length: undefined,
    });
  });

  it('cuts an object that refers to itself, and shows none that throws', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(payloadText(circle, 100)).toEqual({ text: '['.repeat(100), length: undefined });
    const thrower = {
      toJSON() {
        throw new Error('told to');
      },
    };
    expect(payloadText(thrower, 100).text).toBe('a value that JSON cannot show');
  });

  it('does not cut a pair of surrogates into something that is no text', () => {
    expect(payloadText('a😀', 2)).toEqual({ text: 'a\ufffd', length: 3 });
  });
});
