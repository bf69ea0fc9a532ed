import { describe, expect, it } from 'vitest';
import { ValueSkipper } from '../../../../src/broker/subscribing/value-skipper.js';

const VALUES = [
  '+OK\r\n',
  '+\r\n',
  '-ERR no\r\n',
  ':12\r\n',
  ':-3\r\n',
  '$5\r\nab\r\nc\r\n',
  '$0\r\n\r\n',
  '$-1\r\n',
  '*-1\r\n',
  '*0\r\n',
  '*2\r\n*1\r\n$1\r\na\r\n:1\r\n',
  '_\r\n',
  '#t\r\n',
  ',1.5\r\n',
  ',-inf\r\n',
  '(-123456789012345678901\r\n',
  '=7\r\ntxt:a\r\n\r\n',
  '!6\r\nERR no\r\n',
  '~2\r\n:1\r\n:2\r\n',
  '>2\r\n+a\r\n+b\r\n',
  '%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n',
  '|1\r\n+a\r\n:1\r\n$1\r\nb\r\n',
  '*1\r\n|1\r\n+a\r\n%1\r\n+b\r\n+c\r\n:1\r\n',
  '*3\r\n$7\r\nmessage\r\n$1\r\na\r\n*-1\r\n',
];

describe('ValueSkipper', () => {
  it.each(VALUES)('finds the end of %j', (value) => {
    const skipper = new ValueSkipper();
    const bytes = Buffer.from(`before${value}$3\r\nabc\r\n`);
    expect(skipper.skip(bytes, 6)).toBe(6 + Buffer.byteLength(value));
    expect(skipper.isInside).toBe(false);
  });

  it.each(VALUES)('finds the end of %j in chunks of one byte', (value) => {
    const skipper = new ValueSkipper();
    const [first = '', ...rest] = value;
    expect(skipper.skip(Buffer.from(first), 0)).toBe(1);
    for (const byte of rest) {
      expect(skipper.isInside).toBe(true);
      expect(skipper.resume(Buffer.from(byte))).toBe(1);
    }
    expect(skipper.isInside).toBe(false);
    expect(skipper.resume(Buffer.from('+'))).toBe(0);
  });

  it.each(['HTTP/1.1 400\r\n', '$?\r\n', '*?\r\n', '%?\r\n'])('finds no end of %j', (text) => {
    const skipper = new ValueSkipper();
    const bytes = Buffer.from(`${text}+OK\r\n`);
    expect(skipper.skip(bytes, 0)).toBe(bytes.length);
    expect(skipper.resume(bytes)).toBe(bytes.length);
    expect(skipper.isInside).toBe(true);
  });

  it('skips values that are nested deeper than the stack', () => {
    const depth = 100_000;
    const bytes = Buffer.from(`${'*1\r\n'.repeat(depth)}:1\r\n`);
    expect(new ValueSkipper().skip(bytes, 0)).toBe(bytes.length);
  });
});
