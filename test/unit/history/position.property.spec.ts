import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isKeptId, LastNumbers } from '../../../src/history/kept-id.js';
import {
  formatPosition,
  isAt,
  isSameServer,
  parsePosition,
  positionBehind,
} from '../../../src/history/position.js';

const stream = fc.tuple(fc.base64String({ minLength: 8, maxLength: 8 }), fc.nat(40));
const ids = fc
  .tuple(stream, fc.integer({ min: 1, max: 2 ** 50 }))
  .map(([[publisher, count], number]) => `${publisher}.~${count.toString(36)}-${number}`);
const messages = fc.record({ id: ids, checksum: fc.nat(2 ** 32 - 1) });
const runIds = fc.stringMatching(/^[0-9a-f]{40}$/);

describe('a position', () => {
  it('is read as it was written, and belongs to one message of one server', () => {
    fc.assert(
      fc.property(messages, messages, runIds, runIds, (message, next, server, other) => {
        const text = formatPosition(positionBehind(message, server)) ?? '';
        const position = parsePosition(text);
        expect(position).toEqual(positionBehind(message, server));
        expect(position && isAt(position, message)).toBe(true);
        const isSame = next.id === message.id && next.checksum === message.checksum;
        expect(position && isAt(position, next)).toBe(isSame);
        expect(position && isAt(position, { ...message, checksum: next.checksum })).toBe(
          next.checksum === message.checksum,
        );
        expect(position && isSameServer(position, server)).toBe(true);
        expect(position && isSameServer(position, other)).toBe(
          server.slice(0, 8) === other.slice(0, 8),
        );
        expect(/^[\x21-\x7e]+$/.test(text)).toBe(true);
      }),
    );
  });

  it('is nothing else, whatever text a caller sends', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const position = parsePosition(text);
        expect(formatPosition(position)).toBe(position && text);
      }),
    );
  });

  it('is not known without a message, nor without a server', () => {
    expect(positionBehind({ id: 'a.~1-1', checksum: 1 }, undefined)).toBeUndefined();
    expect(positionBehind(undefined, 'a'.repeat(40))).toBeUndefined();
    expect(formatPosition(undefined)).toBeUndefined();
  });
});

describe('the id of a message that is kept', () => {
  it.each([
    ['abc.~1-1', true],
    ['abc.1-1', false],
    ['abc~.1-1', false],
    ['~1-1', false],
    ['', false],
    [undefined, false],
  ])('is told from others: %s', (id, isKept) => expect(isKeptId(id)).toBe(isKept));

  it('is compared with the last one of its stream only', () => {
    const numbers = new LastNumbers();
    numbers.add([{ id: 'a.~1-3' }, { id: 'b.~1-9' }, { id: 'a.~1-5' }]);
    const ids = ['a.~1-4', 'a.~1-5', 'a.~1-6', 'a.~2-1'];
    const places = ['before', 'before', 'behind', 'unknown'];
    expect(ids.map((id) => numbers.placeOf(id))).toEqual(places);
  });
});
