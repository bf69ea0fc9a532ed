import * as fc from 'fast-check';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { findUnsendable, isSendable } from '../../../src/codec/unsendable.js';
import { jsonValue } from './payloads.js';

class Money {
  constructor(readonly cents: number) {}
  toJSON(): string {
    return `${this.cents} cents`;
  }
}

class Order {
  readonly #secret = 1;
  readonly items = [new Money(1)];
  readonly at = new Date(0);
  readonly note = undefined;
  total(): number {
    return this.#secret;
  }
}

/** All of it is private: JSON would write `{}`. */
class Price {
  readonly #cents = 1;
  get cents(): number {
    return this.#cents;
  }
}

class Discount extends Price {}

class Labelled extends Price {
  label = 'a';
}

class SoldOutError extends Error {}

class Index extends Map<string, number> {}

const sendable: [name: string, value: unknown][] = [
  ['text, numbers, booleans and null', ['a', 1, -0, true, null]],
  [
    'undefined, which JSON omits from objects and which is null in arrays',
    { a: undefined, b: [undefined] },
  ],
  ['an empty object and an empty array', { a: {}, b: [] }],
  ['an instance of a class', new Order()],
  ['several instances of a class', [new Order(), new Order(), new Order()]],
  ['an instance of a class without fields', { a: new (class Empty {})() }],
  ['an instance with a field beside its getters', new Labelled()],
  ['a toJSON beside private fields', Object.assign(new Price(), { toJSON: () => 1 })],
  ['a Date', { at: new Date(0) }],
  ['a URL, by its toJSON', { url: new URL('http://localhost/') }],
  ['a toJSON on the object itself', { money: { toJSON: () => 1 } }],
  ['a toJSON that returns undefined', { money: { toJSON: () => undefined } }],
  ['an object without a prototype', { a: Object.assign(Object.create(null) as object, { b: 1 }) }],
  ['boxed values', { a: [new String('a'), new Number(1), new Boolean(true)] }],
  ['the key __proto__', JSON.parse('{"__proto__":{"a":1}}')],
  ['objects of another realm', runInContext('({ a: [{ b: 1 }, new Date(0)] })', createContext())],
  ['a Buffer that is the whole value', Buffer.from('a')],
  ['an array with a class of its own', new (class List extends Array<number> {})(3)],
  ['a proxy of an object', new Proxy({ a: 1 }, {})],
];

const unsendable: [kind: string, value: unknown][] = [
  ['Map', new Map([['a', 1]])],
  ['Set', new Set([1])],
  ['WeakMap', new WeakMap()],
  ['Error', new Error('boom')],
  ['Error', Object.assign(new Error('boom'), { code: 'E' })],
  ['SoldOutError', new SoldOutError('boom')],
  ['AggregateError', new AggregateError([])],
  ['DOMException', new DOMException('boom')],
  ['Uint8Array', new Uint8Array(2)],
  ['Uint8Array', new Uint8Array(0)],
  ['Float64Array', new Float64Array(1)],
  ['BigInt64Array', new BigInt64Array(0)],
  ['Buffer', Buffer.from('a')],
  ['ArrayBuffer', new ArrayBuffer(1)],
  ['DataView', new DataView(new ArrayBuffer(1))],
  ['Promise', Promise.resolve(1)],
  // oxlint-disable-next-line unicorn/no-thenable -- it is what the test is about
  ['thenable object', { then: () => 1 }],
  ['function', () => 1],
  ['function', class {}],
  ['symbol', Symbol('a')],
  ['invalid Date', new Date(NaN)],
  ['RegExp', /a/],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['NaN', new Number(NaN)],
  ['Infinity', new Number(Infinity)],
  ['Price', new Price()],
  ['Discount', new Discount()],
  ['URLSearchParams', new URLSearchParams('a=1')],
  ['Headers', new Headers({ a: '1' })],
  ['WeakRef', new WeakRef({})],
  ['Index', new Index().set('a', 1)],
];

describe('isSendable and findUnsendable', () => {
  it.each(sendable)('accept %s', (_, value) => {
    expect(isSendable(value)).toBe(true);
    expect(findUnsendable(value, 'data')).toBeUndefined();
    // Again, since the prototypes of classes are remembered.
    expect(isSendable([value])).toBe(!Buffer.isBuffer(value));
  });

  it('accept every value that came from JSON', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        expect(isSendable(value)).toBe(true);
        expect(findUnsendable(value)).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  it.each(unsendable)('refuse %s, and name its place (%#)', (kind, value) => {
    for (const [data, path] of [
      [{ items: [1, 2, 3, value] }, 'data.items[3]'],
      [{ id: 1, name: 'a', more: { here: value } }, 'data.more.here'],
      [{ 'a b': value }, 'data["a b"]'],
      [Object.assign(new Order(), { extra: value }), 'data.extra'],
      [{ toJSON: () => ({ inside: value }) }, 'data.inside'],
      ...(Buffer.isBuffer(value) ? [] : ([[value, 'data']] as const)),
    ] as const) {
      expect(isSendable(data)).toBe(false);
      expect(findUnsendable(data, 'data')).toBe(`${path}: ${kind}`);
    }
  });

  it('refuse an iterator', () => {
    const data = { ids: new Set([1]).values() };
    expect(isSendable(data)).toBe(false);
    // Its class has a name since Node 22.
    expect(findUnsendable(data, 'data')).toMatch(/^data\.ids: (Set )?Iterator$/);
  });

  it('refuse an instance without fields also after one of its class with a field', () => {
    const price = Object.assign(new Price(), { note: 'a' });
    expect(isSendable([price, price])).toBe(true);
    expect(isSendable([price, price, new Price()])).toBe(false);
  });

  it('end for a part that is deep inside', () => {
    let plain: unknown = NaN;
    let instance: unknown = NaN;
    for (let i = 0; i < 60; i++) {
      plain = { a: plain, b: [1] };
      instance = Object.assign(new Order(), { a: instance });
    }
    expect(isSendable(plain)).toBe(false);
    expect(isSendable(instance)).toBe(false);
    expect(findUnsendable(plain)).toMatch(/^a(\.a){59}: NaN$/);
  });

  it('take the form of an object with a toJSON of its own, whatever fields it has', () => {
    const data = { secret: NaN, list: [NaN], toJSON: () => ({ a: 1 }) };
    expect(isSendable({ data })).toBe(true);
    expect(findUnsendable({ data })).toBeUndefined();
  });

  it('ignore what a library has added to Object.prototype', () => {
    // oxlint-disable-next-line no-extend-native -- it is what the test is about
    Object.defineProperty(Object.prototype, 'extend', {
      value: () => 1,
      enumerable: true,
      configurable: true,
    });
    const good = { a: { b: 1 } };
    const found = [isSendable(good), findUnsendable(good), isSendable({ a: { b: NaN } })];
    Reflect.deleteProperty(Object.prototype, 'extend');
    expect(found).toEqual([true, undefined, false]);
  });

  it('agree about every value', () => {
    const parts = [...sendable, ...unsendable].map(([, value]) => value);
    const value = fc.object({ values: [fc.constantFrom(...parts), fc.integer(), fc.string()] });
    fc.assert(
      fc.property(value, (data) => {
        expect(isSendable(data)).toBe(findUnsendable(data) === undefined);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('findUnsendable', () => {
  it('begins with the name of a field without a root', () => {
    expect(findUnsendable({ response: [1n] })).toBe('response[0]: BigInt');
  });

  it('names a circular reference, and not an object that comes twice', () => {
    const twice = { a: 1 };
    const circle: Record<string, unknown> = { twice, again: twice };
    expect(findUnsendable(circle, 'data')).toBeUndefined();
    circle.list = [{ circle }];
    expect(findUnsendable(circle, 'data')).toBe('data.list[0].circle: circular reference');
  });

  it.each<[string, unknown]>([
    [
      'data.price: Money, whose toJSON throws',
      { price: Object.assign(new Money(1), { toJSON: () => JSON.parse('secret') as unknown }) },
    ],
    [
      'data.total: getter that throws',
      Object.defineProperty({}, 'total', {
        enumerable: true,
        get: () => JSON.parse('secret') as unknown,
      }),
    ],
    [
      'data.a: object that cannot be read',
      { a: new Proxy({}, { ownKeys: () => JSON.parse('secret') as never }) },
    ],
    [
      'data.a: object that cannot be read',
      { a: new Proxy({}, { get: () => JSON.parse('secret') as never }) },
    ],
  ])('survives objects that throw: %s', (expected, value) => {
    expect(findUnsendable(value, 'data')).toBe(expected);
  });

  it('shortens long paths', () => {
    const data = { ['k'.repeat(5_000)]: { a: new Map() } };
    expect(findUnsendable(data, 'data')).toMatch(/^data\.k{195}…: Map$/);
  });

  it('ends in a value that is nested deeply', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as unknown;
    expect(findUnsendable(deep)).toBeUndefined();
    expect(isSendable(deep)).toBe(true);
  });
});
