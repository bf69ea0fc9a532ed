import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  RedisPubSubRecord,
  RedisPubSubRecordBuilder,
  type Headers,
} from 'nestjs-redis-pubsub';
import { jsonCodec } from '../../../src/codec/json-codec.js';
import { BareCodec, EnvelopeCodec } from '../../../src/codec/envelope-codec.js';
import { isPubSubRecord, unwrapRecord } from '../../../src/transport/redis-pubsub.record.js';

describe('isPubSubRecord', () => {
  it('recognises records, and those of subclasses', () => {
    expect(isPubSubRecord(new RedisPubSubRecord(1))).toBe(true);
    expect(isPubSubRecord(new RedisPubSubRecordBuilder(1).build())).toBe(true);
    expect(isPubSubRecord(new (class extends RedisPubSubRecord {})(1))).toBe(true);
  });

  it('recognises no data of publishers, whatever keys it has', () => {
    const data: unknown = JSON.parse('{"data":1,"headers":{},"nestjs-redis-pubsub.record":true}');
    const unreadable = new Proxy({}, { get: () => JSON.parse('{') as never });
    for (const value of [data, null, undefined, 'text', 1, unreadable]) {
      expect(isPubSubRecord(value)).toBe(false);
    }
  });
});

describe('unwrapRecord', () => {
  const codec = new EnvelopeCodec(jsonCodec, String, '');
  const bare = new BareCodec(jsonCodec);

  it('returns a message without a record as it is', () => {
    const message = { pattern: 'a', data: 1 };
    expect(unwrapRecord(message, codec)).toBe(message);
  });

  it('joins the headers of the record with those of a dispatch hook', () => {
    const data = new RedisPubSubRecord(1, { a: 'x', b: 'x' });
    expect(unwrapRecord({ pattern: 'p', data, metadata: { b: 'y', c: 'y' } }, codec)).toEqual({
      pattern: 'p',
      data: 1,
      metadata: { a: 'x', b: 'x', c: 'y' },
    });
  });

  it.each<[headers: unknown, message: string]>([
    [{ n: 1 }, 'Expected "header n" to be a string, got 1'],
    [{ a: 'x', o: {} }, 'Expected "header o" to be a string, got an object'],
    [{ a: undefined }, 'Expected "header a" to be a string, got undefined'],
    [{ '': 'x' }, 'Expected "header name" to be a non-empty string, got ""'],
    [new Map([['a', 'x']]), 'Expected "headers" to be an object of strings, got an object'],
    [new globalThis.Headers({ a: 'x' }), 'Expected "headers" to be an object of strings'],
    [['x'], 'Expected "headers" to be an object of strings, got an array'],
    ['x', 'Expected "headers" to be an object of strings, got "…"'],
    [null, 'Expected "headers" to be an object of strings, got null'],
    [() => 1, 'Expected "headers" to be an object of strings, got a function'],
  ])('refuses the headers %o of a record and of a dispatch hook', (headers, message) => {
    const data = new RedisPubSubRecord(1, headers as Headers);
    for (const sent of [
      { pattern: 'p', data },
      { pattern: 'p', data: 1, metadata: headers },
      { pattern: 'p', data: new RedisPubSubRecord(1), metadata: headers },
    ]) {
      for (const to of [codec, bare]) {
        expect(() => unwrapRecord(sent as never, to)).toThrow(InvalidOptionError);
        expect(() => unwrapRecord(sent as never, to)).toThrow(message);
      }
    }
  });

  it('takes headers without a prototype, and of a class', () => {
    class Trace {
      id = 'x';
    }
    const none = Object.assign(Object.create(null) as Headers, { id: 'x' });
    for (const headers of [none, new Trace() as object as Headers]) {
      const data = new RedisPubSubRecord(1, headers);
      expect(unwrapRecord({ pattern: 'p', data }, codec).metadata).toEqual({ id: 'x' });
    }
  });
});
