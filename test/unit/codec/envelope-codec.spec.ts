import { describe, expect, it } from 'vitest';
import type { PacketCodec } from '../../../src/codec/codec.js';
import { BareCodec, EnvelopeCodec } from '../../../src/codec/envelope-codec.js';
import { jsonCodec } from '../../../src/codec/json-codec.js';
import { normalizePattern } from '../../../src/transport/nest-internals.js';
import type { ChunkPayload } from '../../../src/shared/payload.js';
import { payloadOf } from '../../support/payload.js';

const codec = new EnvelopeCodec(jsonCodec, normalizePattern, '');
const prefixed = new EnvelopeCodec(jsonCodec, normalizePattern, 'shop:');
const bare = new BareCodec(jsonCodec);

const bytes = (value: unknown): ChunkPayload => payloadOf(JSON.stringify(value));

describe('an envelope', () => {
  it('is an object with data, whose pattern is the channel it came on', () => {
    expect(codec.decode(bytes({ pattern: 'news', data: { a: 1 } }), 'news')).toEqual({
      data: { a: 1 },
    });
  });

  it('may hold any data, null included', () => {
    for (const data of [null, 0, '', false, [], {}]) {
      expect(codec.decode(bytes({ pattern: 'news', data }), 'news')?.data).toEqual(data);
    }
  });

  it('carries id, headers and the channel for replies', () => {
    const packet = { pattern: 'x', data: 1, id: 'i', metadata: { a: 'b' }, replyTo: 'inbox' };
    expect(codec.decode(bytes(packet), 'x')).toEqual({
      data: 1,
      id: 'i',
      metadata: { a: 'b' },
      replyTo: 'inbox',
    });
  });

  it.each([
    ['an object for id', { id: {} }, 'id'],
    ['null for id', { id: null }, 'id'],
    ['a list for headers', { metadata: ['a'] }, 'metadata'],
    ['text for headers', { metadata: 'a' }, 'metadata'],
    ['null for headers', { metadata: null }, 'metadata'],
    ['a number for replyTo', { replyTo: 7 }, 'replyTo'],
    ['an object for replyTo', { replyTo: {} }, 'replyTo'],
  ] as const)('from outside with %s is read without it', (_, extra, key) => {
    const message = codec.decode(bytes({ pattern: 'x', data: 1, ...extra }), 'x');
    expect(message?.data).toBe(1);
    expect(message?.[key]).toBeUndefined();
  });

  it('may have a number for id', () => {
    expect(codec.decode(bytes({ pattern: 'x', data: 1, id: 7 }), 'x')?.id).toBe(7);
  });

  it('of an object pattern comes on the channel that Nest makes of it', () => {
    const pattern = { cmd: 'sum', a: { b: 1 } };
    const channel = normalizePattern(pattern);
    expect(codec.decode(bytes({ pattern, data: 1 }), channel)).toEqual({ data: 1 });
    expect(codec.decode(bytes({ pattern: channel, data: 1 }), channel)).toEqual({ data: 1 });
    const other = { pattern: { cmd: 'other' }, data: 1 };
    expect(codec.decode(bytes(other), channel)?.data).toEqual(other);
  });

  it('of a number pattern comes on the channel of that number', () => {
    expect(codec.decode(bytes({ pattern: 5, data: 1 }), '5')).toEqual({ data: 1 });
  });

  it('may name its channel with the prefix or without', () => {
    for (const pattern of ['news', 'shop:news']) {
      expect(prefixed.decode(bytes({ pattern, data: 1 }), 'news')).toEqual({ data: 1 });
    }
    const foreign = { pattern: 'other:news', data: 1 };
    expect(prefixed.decode(bytes(foreign), 'news')?.data).toEqual(foreign);
  });

  it.each([
    ['a number', 7],
    ['an object', {}],
    ['text that is too long', 'x'.repeat(101)],
  ])('has no message id if that is %s', (_, mid) => {
    const message = codec.decode(bytes({ pattern: 'x', data: 1, mid }), 'x');
    expect([message?.data, message?.messageId]).toEqual([1, undefined]);
  });

  it('has its message id at its end', () => {
    const text = codec.encode({ pattern: 'x', data: 1, id: 2, replyTo: 'inbox' }, 'p.1-3');
    expect(text).toBe('{"pattern":"x","data":1,"id":2,"replyTo":"inbox","mid":"p.1-3"}');
    expect(codec.decode(payloadOf(text), 'x')?.messageId).toBe('p.1-3');
  });

  it('of another codec has its message id as the last key', () => {
    const packets: unknown[] = [];
    const encode = (value: unknown): string => String(packets.push(value));
    const own = new EnvelopeCodec({ ...jsonCodec, encode, beginPacket: undefined }, String, '');
    expect(own.begin({ pattern: 'x', data: 1 })).toBeUndefined();
    own.encode({ pattern: 'x', data: 1 }, 'p.1-3');
    own.encode({ pattern: 'x', data: 1 });
    expect(packets).toEqual([
      { pattern: 'x', data: 1, mid: 'p.1-3' },
      { pattern: 'x', data: 1 },
    ]);
  });

  it('is written as Nest writes it', () => {
    const packet = { pattern: 'x', data: { a: 1 } };
    expect(codec.encode(packet)).toBe(JSON.stringify(packet));
  });

  it.each([[undefined], [() => 1], [Symbol('x')]])('refuses to be written around %s', (data) => {
    expect(() => codec.encode({ pattern: 'x', data })).toThrow(TypeError);
  });
});

describe('a foreign payload is the data, whole', () => {
  it.each([
    ['without a pattern', { id: 'n1', title: 'Hi', data: { a: 1 } }],
    ['with the pattern of another channel', { pattern: 'other', data: 1 }],
    ['with a pattern that only begins like the channel', { pattern: 'new', data: 1 }],
    ['without data', { pattern: 'news', id: 1 }],
    ['with null for a pattern', { pattern: null, data: 1 }],
    ['with a list for a pattern', { pattern: ['news'], data: 1 }],
    ['with true for a pattern', { pattern: true, data: 1 }],
    ['that is a list', [{ pattern: 'news', data: 1 }]],
    ['that is text', 'hello'],
    ['that is a number', 5],
    ['that is null', null],
    ['that looks like a reply, on a channel that is none', { id: '1', response: 2 }],
  ])('%s', (_, value) => {
    expect(codec.decode(bytes(value), 'news')).toEqual({ data: value });
    expect(bare.decode(bytes(value), 'news')).toEqual({ data: value });
  });

  it('even if its pattern is nested deeper than the stack', () => {
    const depth = 50_000;
    const json = `{"pattern":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)},"data":1}`;
    expect(codec.decode(payloadOf(json), 'news')).toHaveProperty('data.pattern');
  });

  it('even if its pattern has no normal form', () => {
    const refusing = new EnvelopeCodec(
      jsonCodec,
      () => {
        throw new RangeError('Maximum call stack size exceeded');
      },
      '',
    );
    const value = { pattern: { cmd: 'sum' }, data: 1 };
    expect(refusing.decode(bytes(value), 'news')).toEqual({ data: value });
  });

  it('that is not JSON is its text, or its bytes', () => {
    expect(codec.decode(payloadOf('hello'), 'news')).toEqual({ data: 'hello' });
    expect(codec.decode(payloadOf(Uint8Array.of(0xff)), 'news')).toEqual({
      data: Buffer.from([0xff]),
    });
  });
});

describe('on <channel>.reply', () => {
  it.each([
    { id: '1', response: 2 },
    { id: 1, response: 2 },
    { id: '1', response: null, isDisposed: true },
    { id: '1', err: 'no', isDisposed: true },
    { id: '1', isDisposed: true },
    { id: '1', err: null },
  ])("Nest's reply %j is no message", (reply) => {
    expect(codec.decode(bytes(reply), 'rpc.get.reply')).toBeUndefined();
    expect(bare.decode(bytes(reply), 'rpc.get.reply')).toBeUndefined();
  });

  it.each([
    { id: '1' },
    { response: 1 },
    { id: null, response: 1 },
    { id: {}, response: 1 },
    { id: '1', response: 2, pattern: 'x' },
    { id: '1', data: 'a reply of the application' },
    [{ id: '1', response: 1 }],
    'text',
  ])('%j is a message', (value) => {
    expect(codec.decode(bytes(value), 'rpc.get.reply')).toEqual({ data: value });
  });

  it('an envelope is a message', () => {
    const packet = { pattern: 'rpc.get.reply', data: 1, id: '1', response: 1 };
    expect(codec.decode(bytes(packet), 'rpc.get.reply')).toEqual({ data: 1, id: '1' });
  });
});

describe('BareCodec', () => {
  it('encodes the data alone, without an envelope', () => {
    expect(bare.hasEnvelope).toBe(false);
    expect(bare.encode({ pattern: 'x', data: { a: 1 } })).toBe('{"a":1}');
  });

  it('decodes an envelope as data', () => {
    const packet = { pattern: 'x', data: 1 };
    expect(bare.decode(bytes(packet), 'x')).toEqual({ data: packet });
  });
});

describe('EnvelopeCodec, with a codec of the user', () => {
  const reversed: PacketCodec = {
    encode: (value) => Uint8Array.from(Buffer.from(JSON.stringify(value))).toReversed(),
    decode: (payload) =>
      JSON.parse(Buffer.from(Uint8Array.from(payload.bytes()).toReversed()).toString()) as unknown,
  };

  it('passes it the whole packet, or the bare data', () => {
    const packet = { pattern: 'x', data: { a: 1 }, id: '1' };
    const enveloped = new EnvelopeCodec(reversed, normalizePattern, '');
    expect(reversed.decode(payloadOf(enveloped.encode(packet)))).toEqual(packet);
    expect(reversed.decode(payloadOf(new BareCodec(reversed).encode(packet)))).toEqual({ a: 1 });
  });

  it('throws the error of its decode', () => {
    const enveloped = new EnvelopeCodec(reversed, normalizePattern, '');
    expect(() => enveloped.decode(payloadOf('nonsense'), 'x')).toThrow(SyntaxError);
  });
});
