import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findStart,
  formatStreamPosition,
  parseStreamPosition,
  readStreamMessage,
} from '../../../src/resumable/stream-message.js';

const writer = 'abcDEF_-123';
const POSITION = /^[\w-]{11}\.\d{1,6}$/;

describe('readStreamMessage', () => {
  it.each([
    { writer, start: 15_000 },
    { writer, from: 1, chunks: ['x', null] },
    { writer, last: 0 },
    { writer, last: 7, outcome: 'completed' },
  ])('reads %j', (message) => {
    expect(readStreamMessage(message)).toEqual(message);
    expect(readStreamMessage({ ...message, more: 1 })).toEqual(message);
  });

  it.each([
    undefined,
    null,
    'text',
    [],
    {},
    { writer },
    { writer: 'short', last: 1 },
    { writer: 7, last: 1 },
    { writer, start: 0 },
    { writer, start: 2 ** 31 },
    { writer, from: 0, chunks: ['x'] },
    { writer, from: 1.5, chunks: ['x'] },
    { writer, from: 100_000, chunks: ['x'] },
    { writer, from: 1, chunks: 'x' },
    { writer, last: -1 },
    { writer, last: 100_001 },
    { writer, last: 1, outcome: 'else' },
  ])('finds no message in %j', (data) => {
    expect(readStreamMessage(data)).toBeUndefined();
  });

  it('never throws, and returns what has a valid writer', () => {
    fc.assert(
      fc.property(fc.anything(), fc.object(), (any, fields) => {
        for (const data of [any, { writer, ...fields }]) {
          const message = readStreamMessage(data);
          expect(message === undefined || message.writer.length === 11).toBe(true);
        }
      }),
    );
  });
});

describe('a position', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50_000 }), (number) => {
        expect(parseStreamPosition(formatStreamPosition({ writer, number }))).toEqual({
          writer,
          number,
        });
      }),
    );
  });

  it('is no other text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseStreamPosition(text) !== undefined).toBe(POSITION.test(text));
      }),
    );
    for (const text of ['', '1', `${writer}.`, `${writer}.-1`, ` ${writer}.1`, `${writer}.1\n`]) {
      expect(parseStreamPosition(text)).toBeUndefined();
    }
  });
});

describe('findStart', () => {
  it('finds the first start, behind whatever is before it', () => {
    const other = 'x'.repeat(11);
    const messages = [
      { writer: other, last: 1 },
      { writer, start: 1 },
      { writer: other, start: 2 },
    ];
    expect(findStart(messages)).toEqual({ writer, start: 1 });
    expect(findStart([])).toBeUndefined();
  });
});
