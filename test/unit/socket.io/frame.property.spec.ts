import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkPayload } from '../../../src/shared/payload.js';
import { decodeFrame, encodeFrame } from '../../../src/socket.io/frame.js';

const UID = '0123456789abcdef';
const OTHER = 'fedcba9876543210';

/** What travels: JSON, with bytes anywhere. */
const data = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.jsonValue(),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** What a peer reads of a frame. */
function decoded(frame: string | Buffer) {
  // Behind other bytes, as in a chunk of a socket.
  const bytes = Buffer.concat([Buffer.from('before'), Buffer.from(frame), Buffer.from('after')]);
  const payload = new ChunkPayload(bytes, 6, bytes.length - 5);
  return decodeFrame(payload, OTHER);
}

/** The error of a frame that is refused. */
function outcomeOf(frame: Buffer): unknown {
  try {
    decoded(frame);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** JSON has no `-0`, and turns an object without a prototype into one with it. */
function viaJson(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map(viaJson);
  if (typeof value !== 'object' || value === null) return JSON.parse(JSON.stringify(value));
  return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, viaJson(it)]));
}

describe('a frame', () => {
  it('carries any JSON, and bytes in any place', () => {
    fc.assert(
      fc.property(data, (given) => {
        const frame = encodeFrame(UID, { type: 3, data: { given } });
        expect(decoded(frame)).toEqual({ uid: UID, type: 3, data: { given: viaJson(given) } });
      }),
    );
  });

  it('is the id and JSON where it has no bytes', () => {
    expect(encodeFrame(UID, { type: 1 })).toBe(`${UID}{"type":1}`);
    expect(decoded(`${UID}{"type":1}`)).toEqual({ uid: UID, type: 1, data: undefined });
  });

  it('is not parsed by the server that sent it', () => {
    for (const given of ['text', Buffer.from('bytes')]) {
      const frame = encodeFrame(OTHER, { type: 3, data: { given } });
      expect(decoded(frame)).toBeUndefined();
    }
    expect(decoded(`${OTHER}{`)).toBeUndefined();
  });

  it('is read, or refused with an error, whatever its bytes are', () => {
    const valid = Buffer.from(encodeFrame(UID, { type: 3, data: [Buffer.from('bytes')] }));
    const broken = fc.oneof(
      fc.uint8Array().map((it) => Buffer.from(it)),
      fc.string().map((it) => Buffer.from(it)),
      fc.nat(valid.length - 1).map((end) => valid.subarray(0, end)),
      fc
        .tuple(fc.nat(valid.length - 1), fc.nat(255))
        .map(([at, byte]) => Buffer.from(valid.map((it, i) => (i === at ? byte : it)))),
    );
    fc.assert(
      fc.property(broken, (bytes) => {
        expect(outcomeOf(bytes)).toSatisfy((it) => it === undefined || it instanceof Error);
      }),
    );
  });

  it.each([
    ['no id', '{"type":1}'],
    ['no type', `${UID}{}`],
    ['no object', `${UID}null`],
    ['bytes at a place that the message has not', withParts([[['data', 'x'], 1]], 'a')],
    ['bytes at a place that is taken', withParts([[['type'], 1]], 'a')],
    ['bytes at no place', withParts([[[], 1]], 'a')],
    ['bytes in a prototype', withParts([[['data', '__proto__', 'x'], 1]], 'a')],
    ['fewer bytes than it names', withParts([[['data', 'a'], 2]], 'a')],
    ['more bytes than it names', withParts([[['data', 'a'], 1]], 'ab')],
  ])('is refused with %s', (_, frame) => {
    expect(() => decoded(frame)).toThrow(Error);
  });

  it('reports an object that contains itself', () => {
    const circular: { self?: object; bytes?: Buffer } = {};
    circular.self = circular;
    expect(() => encodeFrame(UID, { type: 3, data: circular })).toThrow(/circular/);
    circular.bytes = Buffer.from('a');
    expect(() => encodeFrame(UID, { type: 3, data: circular })).toThrow(/contains itself/);
  });
});

function withParts(parts: unknown, bytes: string): Buffer {
  const json = JSON.stringify({ message: { type: 3, data: { a: null } }, parts });
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(json));
  return Buffer.concat([Buffer.from([0]), Buffer.from(UID), length, Buffer.from(json + bytes)]);
}
