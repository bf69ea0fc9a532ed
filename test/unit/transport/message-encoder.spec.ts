import { describe, expect, it } from 'vitest';
import { EnvelopeCodec } from '../../../src/codec/envelope-codec.js';
import { jsonCodec } from '../../../src/codec/json-codec.js';
import { MessageEncoder } from '../../../src/transport/message-encoder.js';

const options = { messageIds: true, maxPayloadBytes: Infinity };

describe('MessageEncoder', () => {
  it('uses each number once where encoding a message publishes another', () => {
    const codec = new EnvelopeCodec(jsonCodec, String, '');
    const encoder = new MessageEncoder(codec, options, () => true);
    const numbers: number[] = [];
    const encode = (data: unknown): void => {
      const packet = { pattern: 'x', data };
      const text = encoder.message('x', 'x', packet, { kind: 'channel' }) as string;
      numbers.push(Number(/-(\d+)"\}$/.exec(text)?.[1]));
    };
    encode('first');
    encode({ toJSON: () => encode('inner') ?? 'outer' });
    encode('last');
    expect(numbers.length).toBeGreaterThan(3);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });
});
