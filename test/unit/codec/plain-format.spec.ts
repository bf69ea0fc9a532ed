import { describe, expect, it } from 'vitest';
import { encodePlain } from '../../../src/codec/plain-format.js';

describe('encodePlain', () => {
  it.each([
    [{ pattern: 'a', data: 1 }, '{"pattern":"a","data":1}'],
    ['text', '"text"'],
    [null, 'null'],
  ])('encodes as JSON: %j', (data, json) => {
    expect(encodePlain('json', data)).toBe(json);
  });

  it.each(['', 'text', '{"a":1}', 'zürich 🚲'])('leaves a text as it is: %j', (text) => {
    expect(encodePlain('text', text)).toBe(text);
  });

  it('leaves bytes as they are', () => {
    const bytes = Uint8Array.of(0, 255);
    expect(encodePlain('text', bytes)).toBe(bytes);
  });

  it.each([
    ['json', undefined, 'JSON has no form for data: undefined'],
    ['text', 7, 'Expected a string or bytes for the format "text", got number'],
    ['text', null, 'Expected a string or bytes for the format "text", got object'],
    ['text', 'half \ud800', 'Expected well-formed text, got a lone surrogate'],
  ] as const)('throws for the format "%s" and %j', (format, data, message) => {
    expect(() => encodePlain(format, data)).toThrow(new TypeError(message));
  });
});
