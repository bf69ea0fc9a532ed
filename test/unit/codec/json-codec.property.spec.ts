import * as fc from 'fast-check';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { jsonCodec } from '../../../src/codec/json-codec.js';
import { anyPayload, decodePlainly, jsonValue } from './payloads.js';
import { payloadOf } from '../../support/payload.js';

describe('jsonCodec', () => {
  it('decodes JSON to its value, other text to text, and other bytes to bytes', () => {
    fc.assert(
      fc.property(anyPayload, (payload) => {
        expect(
          isDeepStrictEqual(jsonCodec.decode(payloadOf(payload)), decodePlainly(payload)),
        ).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  it('decodes what it encoded', () => {
    fc.assert(
      fc.property(jsonValue, (data) => {
        const read = jsonCodec.decode(payloadOf(jsonCodec.encode(data)));
        expect(isDeepStrictEqual(read, data)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
