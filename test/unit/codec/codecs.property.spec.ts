import * as fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EnvelopeCodec } from '../../../src/codec/envelope-codec.js';
import { jsonCodec } from '../../../src/codec/json-codec.js';
import { normalizePattern } from '../../../src/transport/nest-internals.js';

const codec = new EnvelopeCodec(jsonCodec, normalizePattern, 'shop:');
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What a reader without cleverness makes of a payload. */
function plainly(payload: Uint8Array): unknown {
  let text: string;
  try {
    text = strict.decode(payload);
  } catch {
    return Buffer.from(payload);
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const json = fc.json().map((text) => Buffer.from(text));
const cutJson = fc
  .tuple(fc.json(), fc.nat(20), fc.constantFrom('', ' ', '\t\n', '\v', '\ufeff', 'x', '\0'))
  .map(([text, end, before]) => Buffer.from(before + text.slice(0, end)));
const text = fc.string({ unit: 'grapheme' }).map((it) => Buffer.from(it));
const bytes = fc.uint8Array().map((it) => Buffer.from(it));
const mixed = fc.tuple(text, bytes).map((parts) => Buffer.concat(parts));
const payloads = fc.oneof(json, cutJson, text, bytes, mixed);

const jsonValue = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const packetLike = fc.record(
  {
    pattern: fc.oneof(fc.constantFrom('news', 'shop:news', 'other'), jsonValue),
    data: jsonValue,
    id: jsonValue,
    metadata: jsonValue,
    replyTo: jsonValue,
    response: jsonValue,
    err: jsonValue,
    isDisposed: jsonValue,
  },
  { requiredKeys: [], noNullPrototype: true },
);

describe('reading', () => {
  it('gives JSON, else the text, else the bytes, of anything', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        expect(isDeepStrictEqual(jsonCodec.decode(payload), plainly(payload))).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('never throws past the envelope, and hands a foreign payload over whole', () => {
    fc.assert(
      fc.property(payloads, (payload) => {
        const message = codec.decode(payload, 'no.such.pattern');
        expect(message && isDeepStrictEqual(message, { data: plainly(payload) })).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('never throws at what looks like a packet, and keeps or unwraps its data', () => {
    fc.assert(
      fc.property(packetLike, fc.constantFrom('news', 'news.reply'), (packet, channel) => {
        const message = codec.decode(Buffer.from(JSON.stringify(packet)), channel);
        const isReply = channel === 'news.reply' && 'id' in packet && !('pattern' in packet);
        if (!message && isReply) return;
        const isPacket =
          channel === 'news' &&
          ['news', 'shop:news'].includes(packet.pattern as string) &&
          'data' in packet;
        const expected = isPacket ? packet.data : packet;
        expect(isDeepStrictEqual(message?.data, expected)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('what is written', () => {
  const headers = fc.dictionary(
    fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
    fc.string({ unit: 'grapheme' }),
  );
  const names = fc.string({ unit: 'grapheme', minLength: 1 });

  it('is read again, data and headers and id, on its channel', () => {
    const ids = fc.oneof(fc.string(), fc.integer());
    fc.assert(
      fc.property(names, jsonValue, headers, ids, (pattern, data, metadata, id) => {
        const message = { pattern, data, metadata: { ...metadata }, id, replyTo: 'inbox' };
        const payload = Buffer.from(codec.encode(message));
        const { pattern: _, ...expected } = message;
        expect(isDeepStrictEqual(codec.decode(payload, pattern), expected)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('bare is read again', () => {
    fc.assert(
      fc.property(jsonValue, (data) => {
        const read = jsonCodec.decode(Buffer.from(jsonCodec.encode(data)));
        expect(isDeepStrictEqual(read, data)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
