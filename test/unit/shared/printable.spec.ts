import { describe, expect, it } from 'vitest';
import {
  kindOfValue,
  messageOf,
  printable,
  shorten,
  textOf,
} from '../../../src/shared/printable.js';
import { hostileValues } from '../../support/hostile-values.js';

const FORGED = 'first\n[Nest] 1  - LOG \u001b[32mAll is well\u2028\u202e\u0085\ud800';
const ESCAPED = String.raw`first\u000a[Nest] 1  - LOG \u001b[32mAll is well\u2028\u202e\u0085\ud800`;

describe('text for a log line', () => {
  it.each([
    ['printable', (text: string) => printable(text, 100)],
    ['shorten', shorten],
    ['messageOf an error', (text: string) => messageOf(new Error(text))],
    ['messageOf text', messageOf],
  ])('has escapes for what would break the line: %s', (_, show) => {
    expect(show(FORGED)).toBe(ESCAPED);
  });

  it('keeps letters of any language and emoji', () => {
    expect(shorten('größe 日本 👩‍👩‍👧')).toBe('größe 日本 👩‍👩‍👧');
  });

  it.each([
    ['shorten', shorten, 200],
    ['messageOf', messageOf, 500],
    [
      'the first line of textOf',
      (text: string) => textOf(new Error(text)).split('\n')[0] ?? '',
      500,
    ],
  ])('is cut: %s', (_, show, length) => {
    const text = show('x'.repeat(100_000));
    expect(text.length).toBeLessThanOrEqual(length + 1);
    expect(text.endsWith('…')).toBe(true);
  });
});

describe('messageOf', () => {
  it('shows the code of an error without a message', () => {
    const error = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
    expect(messageOf(error)).toBe('ECONNREFUSED');
    expect(messageOf(new TypeError())).toBe('TypeError');
  });

  it.each([
    [{ a: 1 }, '{ a: 1 }'],
    [undefined, 'undefined'],
    [Symbol('x'), 'Symbol(x)'],
    ['text', 'text'],
  ])('shows the value %o', (value, text) => {
    expect(messageOf(value)).toBe(text);
  });
});

describe('textOf', () => {
  class OrderNotFoundError extends Error {}

  it.each([
    [new OrderNotFoundError(), 'OrderNotFoundError'],
    [new OrderNotFoundError('Order'), 'OrderNotFoundError: Order'],
    [new Error('E'), 'Error: E'],
    [new Error(), 'Error'],
    [new AggregateError([new Error('why'), new Error('how')]), 'AggregateError: why; how'],
    [Object.assign(new Error(), { code: 'EPIPE' }), 'Error: EPIPE'],
  ])('begins with the class and the reason: %s', (error, head) => {
    const [first, second] = textOf(error).split('\n');
    expect(first).toBe(head);
    expect(second).toMatch(/^ {4}at /);
  });

  it('shows the stack of an error', () => {
    const error = new Error('no');
    expect(textOf(error)).toBe(error.stack);
  });

  it('shows a message of several lines as one line, and each frame of the stack', () => {
    const error = new Error(FORGED);
    const [first, ...frames] = textOf(error).split('\n');
    expect(first).toBe(`Error: ${ESCAPED}`);
    expect(frames.length).toBeGreaterThan(1);
    for (const frame of frames) expect(frame).toMatch(/^ {4}at /);
  });

  it('shows an error whose message was changed after it was created', () => {
    const error = new Error('before\nsecond line');
    // V8 creates the stack when it is read first.
    expect(error.stack).toContain('before\nsecond line');
    error.message = FORGED;
    const lines = textOf(error).split('\n');
    expect(lines[0]).toContain(String.raw`before\u000asecond line`);
    for (const frame of lines.slice(1)) expect(frame).toMatch(/^ {4}at /);
  });

  it('shows an object in one line', () => {
    const nested = { a: { b: { c: [1, 2, 3] } }, text: 'x\ny', many: 'z'.repeat(9_000) };
    expect(textOf(nested).split('\n')).toHaveLength(1);
    expect(textOf(nested).length).toBeLessThan(600);
  });
});

describe.each([
  ['messageOf', messageOf],
  ['textOf', textOf],
  ['kindOfValue', kindOfValue],
])('%s', (_, show) => {
  it.each(hostileValues())('shows a value that cannot be read: %s', (_name, value) => {
    expect(typeof show(value)).toBe('string');
  });
});

describe('kindOfValue', () => {
  it.each([
    ['text', '"text"'],
    ['a\nb\u009b', String.raw`"a\nb\u009b"`],
    [5, '5'],
    [null, 'null'],
    [() => 1, 'a function'],
    [{}, 'an object'],
    [[], 'an empty array'],
    [[1], 'an array'],
  ])('describes %o', (value, text) => {
    expect(kindOfValue(value)).toBe(text);
  });
});
