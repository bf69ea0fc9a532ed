import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../src/index.js';
import { msgpack } from '../../../src/msgpack/index.js';

const codec = msgpack();
const encode = (value: unknown): Uint8Array => codec.encode(value) as Uint8Array;
const roundTrip = (value: unknown): unknown => codec.decode(encode(value));

/** What a codec of msgpackr with all its extensions sends. */
const lax = new Packr({ useRecords: true, moreTypes: true, structuredClone: true });

/** What happens to a payload that is decoded, and encoded and decoded again. */
function outcomeOf(payload: Uint8Array): string {
  try {
    roundTrip(codec.decode(payload));
    return 'sent again';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('msgpack', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    // -0 arrives as 0, as in JSON.
    fc.double().map((it) => (it === 0 ? 0 : it)),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.date(),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  );
  const special = fc.constantFrom(
    'constructor',
    'hasOwnProperty',
    'toString',
    '__proto_',
    '__defineGetter__',
    'then',
    '',
  );
  const key = fc.oneof(fc.string(), special).filter((it) => it !== '__proto__');
  const { value: anything } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value')),
      fc.dictionary(key, tie('value'), { noNullPrototype: true }),
    ),
  }));

  it('returns what it was given', () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(roundTrip(value)).toEqual(value);
      }),
    );
  });

  it('leaves out undefined fields as JSON does, and sends what toJSON returns', () => {
    class Sku {
      constructor(readonly text: string) {}
      toJSON() {
        return `sku:${this.text}`;
      }
    }
    class Point {
      x = 1;
      #y = 2;
      get y() {
        return this.#y;
      }
    }
    const given = { a: undefined, list: [undefined], sku: new Sku('tea'), point: new Point() };
    expect(roundTrip(given)).toEqual({ list: [null], sku: 'sku:tea', point: { x: 1 } });
    expect(Object.keys(roundTrip(given) as object)).toEqual(['list', 'sku', 'point']);
  });

  const circular: unknown[] = [];
  circular.push({ circular });
  it.each([
    [{ data: { items: [1, new Map()] } }, 'data.items[1]: Map'],
    [{ data: new Set() }, 'data: Set'],
    [{ 'a b': new Error('x') }, '["a b"]: Error'],
    [/x/, 'data: RegExp'],
    [Promise.resolve(1), 'data: Promise'],
    [new Float64Array(1), 'data: Float64Array'],
    [new ArrayBuffer(1), 'data: ArrayBuffer'],
    [{ run() {} }, 'run: function'],
    [[Symbol('x')], '[0]: symbol'],
    [2n ** 64n, 'data: BigInt of more than 64 bits'],
    ['\ud800', 'data: text with a lone surrogate'],
    [{ data: { '\ud800': 1 } }, String.raw`data["\ud800"]: key with a lone surrogate`],
    [[JSON.parse('{"__proto__":{"isAdmin":true}}')], '[0].__proto__: key that no reader accepts'],
    [{ data: { toJSON: () => JSON.parse('{"__proto__":1}') as object } }, 'data.__proto__: key'],
    [circular, 'nested too deeply, or a circular reference'],
  ])('refuses %o', (value, reason) => {
    expect(() => encode(value)).toThrow(TypeError);
    expect(() => encode(value)).toThrow(reason);
  });

  it('leaves out keys that are symbols, and undefined fields of any key, as JSON does', () => {
    const given = Object.assign(JSON.parse('{"__proto__":1}') as object, {
      [Symbol('x')]: 1,
      a: 1,
    });
    Reflect.defineProperty(given, '__proto__', { value: undefined, enumerable: true });
    expect(roundTrip(given)).toEqual({ a: 1 });
    expect(JSON.parse(JSON.stringify(given))).toEqual({ a: 1 });
  });

  it('refuses the key __proto__ of other clients, and takes it as text', () => {
    const other = new Packr({ useRecords: false, variableMapSize: true });
    const forged = JSON.parse('{"a":[{"__proto__":{"isAdmin":true}}]}') as object;
    expect(() => codec.decode(other.pack(forged))).toThrow(
      /^Expected MessagePack without the key "__proto__"$/,
    );
    expect(() => codec.decode(other.pack(new Map([[new Map([['__proto__', 1]]), 1]])))).toThrow(
      'a key is no text',
    );
    const text = { __proto: '__proto__', list: ['__proto__', { a: '__proto__' }] };
    expect(codec.decode(other.pack(text))).toEqual(text);
    const view = other.pack(text);
    expect(codec.decode(new Uint8Array(view))).toEqual(text);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  it('refuses what is not MessagePack without quoting it', () => {
    for (const text of ['s3cret', '{"password":"s3cret"}', '7s3cret', '']) {
      expect(() => codec.decode(Buffer.from(text))).toThrow(/^Expected MessagePack$/);
    }
  });

  it.each([
    ['a record, for which msgpackr compiles a function', [{ a: 1 }, { a: 2 }, { a: 3 }]],
    ['a set', new Set([1])],
    ['an error', new Error('x')],
    ['a regular expression', /x/],
    ['typed bytes', new Float64Array(1)],
    ['a reference', circular],
  ])('refuses the extension of msgpackr for %s', (_, value) => {
    expect(() => codec.decode(lax.pack(value))).toThrow(/^Expected MessagePack$/);
  });

  it('never fails with bytes of strangers in another way than by an error', () => {
    const head = fc.constantFrom(0x81, 0x91, 0xc7, 0xd4, 0xd5, 0xdd, 0xdf, 0xdb, 0xc6, 0x40);
    const bytes = fc
      .tuple(head, fc.uint8Array({ maxLength: 40 }))
      .map(([first, rest]) => Uint8Array.of(first, ...rest));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), bytes), (given) => {
        expect(outcomeOf(Buffer.from(given))).toMatch(
          /^(?:sent again|Expected MessagePack.*|MessagePack has no form for .*)$/,
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes no time for lengths that are claimed, and survives the deepest nesting', () => {
    for (const head of [0xdd, 0xdf, 0xdb, 0xc6, 0xc9]) {
      const bomb = Buffer.from([head, 0xff, 0xff, 0xff, 0xff, 0x01]);
      expect(() => codec.decode(bomb)).toThrow('Expected MessagePack');
    }
    const deep = Buffer.alloc(1_000_000, 0x91);
    deep[deep.length - 1] = 0xc0;
    expect(() => codec.decode(deep)).toThrow('nested too deeply');
    expect(() => codec.decode(Buffer.from('8180c0', 'hex'))).toThrow('a key is no text');
    expect(roundTrip({ a: 1 })).toEqual({ a: 1 });
  });

  it('reads integers of 64 bits as BigInt, or as numbers where they are exact', () => {
    const bytes = Buffer.from('cf000000012a05f200', 'hex');
    expect(codec.decode(bytes)).toBe(5_000_000_000n);
    expect(msgpack({ int64: 'auto' }).decode(bytes)).toBe(5_000_000_000);
    expect(msgpack({ int64: 'auto' }).decode(encode(2n ** 60n))).toBe(2n ** 60n);
  });

  it('refuses wrong options', () => {
    expect(() => msgpack({ int64: 'number' as never })).toThrow(InvalidOptionError);
    expect(() => msgpack({ envelop: true } as never)).toThrow('did you mean "envelope"?');
    expect(() => msgpack(null as never)).toThrow('Expected "options of msgpack" to be an object');
  });

  it('recognises its packets, and no text', () => {
    // Which is refused, see above.
    const key = fc.string().filter((it) => it !== '__proto__');
    const packet = fc.dictionary(key, fc.integer(), { noNullPrototype: true });
    fc.assert(fc.property(packet, (value) => codec.recognizes(encode(value))));
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`k${at}`, at]));
    expect(codec.recognizes(encode(many))).toBe(true);
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(text, (it) => !codec.recognizes(Buffer.from(it))),
      { numRuns: 2_000 },
    );
    fc.assert(fc.property(fc.json(), (json) => !codec.recognizes(Buffer.from(json))));
    expect(codec.recognizes(Buffer.from('ހޝ'))).toBe(false);
  });
});
