import * as fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EnvelopeCodec } from '../../../src/codec/envelope-codec.js';
import { jsonCodec } from '../../../src/codec/json-codec.js';
import { normalizePattern } from '../../../src/transport/nest-internals.js';
import { anyPayload, decodePlainly, jsonValue } from './payloads.js';
import { payloadOf } from '../../support/payload.js';

const codec = new EnvelopeCodec(jsonCodec, normalizePattern, 'shop:');

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

describe('EnvelopeCodec', () => {
  it('decodes a payload without an envelope as a whole, and never throws', () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        const message = codec.decode(payloadOf(payload), 'no.such.pattern');
        expect(message && isDeepStrictEqual(message, { data: decodePlainly(payload) })).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('decodes any object: a packet of this channel to its data, another object as a whole', () => {
    fc.assert(
      fc.property(packetLike, fc.constantFrom('news', 'news.reply'), (packet, channel) => {
        const message = codec.decode(payloadOf(JSON.stringify(packet)), channel);
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

  const headers = fc.dictionary(
    fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
    fc.string({ unit: 'grapheme' }),
  );
  const names = fc.string({ unit: 'grapheme', minLength: 1 });

  it('decodes the data, headers and ids that it encoded', () => {
    const ids = fc.oneof(fc.string(), fc.integer());
    fc.assert(
      fc.property(names, jsonValue, headers, ids, (pattern, data, metadata, id) => {
        const messageId = 'p.1-7';
        const message = { pattern, data, metadata: { ...metadata }, id, replyTo: 'inbox' };
        const payload = payloadOf(codec.encode(message, messageId));
        const { pattern: _, ...sent } = message;
        const expected = { ...sent, messageId };
        expect(isDeepStrictEqual(codec.decode(payload, pattern), expected)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
