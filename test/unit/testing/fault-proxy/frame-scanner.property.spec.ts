import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementsOf, FrameScanner } from '../../../../src/testing/fault-proxy/frame-scanner.js';
import { array, bulk, messageFrame, RandomFrames } from '../../../support/frames.js';
import { Random } from '../../../support/random.js';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((it) => Buffer.from(it)),
  // What looks like a frame inside a frame.
  fc
    .constantFrom('*3\r\n', '\r\n', '$-1\r\n', '>3\r\n$7\r\nmessage\r\n', '')
    .map((it) => Buffer.from(it)),
);

const line = fc
  .constantFrom(
    '+OK',
    '+',
    '-MOVED 3 a:1',
    ':-3',
    '$-1',
    '*-1',
    '*0',
    '_',
    '#t',
    ',-inf',
    '(123456789012345678901',
    '~0',
    '%0',
    '>0',
    'PING',
  )
  .map((text) => Buffer.from(`${text}\r\n`));

const string = fc.tuple(bytes, fc.constantFrom('$', '=', '!')).map((it) => bulk(...it));

const { value } = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    line,
    string,
    fc
      .tuple(fc.array(tie('value'), { maxLength: 4 }), fc.constantFrom('*', '>', '~'))
      .map((it) => array(...it)),
    fc
      .array(fc.tuple(tie('value'), tie('value')), { maxLength: 2 })
      .map((pairs) => array(pairs.flat(), '%')),
    fc
      .tuple(tie('value'), tie('value'), tie('value'))
      .map(([name, about, next]) => Buffer.concat([array([name, about], '|'), next])),
  ),
}));

/** Cuts bytes after each of these numbers of bytes. */
function cut(data: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < data.length; i++) {
    const end = at + (lengths[i % lengths.length] ?? data.length);
    chunks.push(data.subarray(at, end));
    at = end;
  }
  return chunks;
}

function scan(chunks: readonly Buffer[]): string[] {
  const frames: string[] = [];
  const scanner = new FrameScanner((frame) => frames.push(frame.toString('latin1')));
  for (const chunk of chunks) scanner.read(chunk);
  return frames;
}

const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 });

describe('the frame scanner', () => {
  it('finds the same frames wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 8 }), lengths, (frames, at) => {
        const expected = frames.map((it) => it.toString('latin1'));
        expect(scan(cut(Buffer.concat(frames), at))).toEqual(expected);
      }),
    );
  });

  it.each([2, 3] as const)('finds each frame of RESP%i with large payloads', (protocol) => {
    const random = new RandomFrames(new Random(protocol), protocol);
    for (let round = 0; round < 100; round++) {
      const frames = Array.from({ length: 10 }, () => random.next());
      const expected = frames.map((it) => it.toString('latin1'));
      expect(scan(random.cut(Buffer.concat(frames)))).toEqual(expected);
    }
  });

  it('gives no frame before its last byte', () => {
    fc.assert(
      fc.property(value, (frame) => {
        expect(scan(cut(frame.subarray(0, -1), [frame.length]))).toEqual([]);
      }),
    );
  });
});

describe('the elements of a frame', () => {
  it('are its strings, whatever bytes these have', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), fc.nat(6), (strings, count) => {
        const frame = array(strings.map((it) => bulk(it)));
        const expected = strings.map((it) => it.toString('latin1'));
        expect(elementsOf(frame)).toEqual(expected);
        expect(elementsOf(frame, count)).toEqual(expected.slice(0, count));
      }),
    );
  });

  it('are those before the payload of a message', () => {
    const frame = messageFrame(3, 'pmessage', 'user.*', 'user.1', Buffer.alloc(100_000, 1));
    expect(elementsOf(frame, 3)).toEqual(['pmessage', 'user.*', 'user.1']);
  });

  it('are the lines of other types as they are, and none of a nested array', () => {
    const lines = [':1\r\n', '$-1\r\n'].map((it) => Buffer.from(it));
    expect(elementsOf(array([bulk('subscribe'), ...lines]))).toEqual(['subscribe', ':1', '$-1']);
    expect(elementsOf(array([bulk('a'), array([bulk('b')]), bulk('c')]))).toEqual(['a']);
  });
});
