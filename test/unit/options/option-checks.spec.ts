import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from 'nestjs-redis-pubsub';
import {
  checkBoolean,
  checkCodec,
  checkCount,
  checkCredentials,
  checkHook,
  checkMilliseconds,
  checkOneOf,
  checkPrefix,
  checkPublishBuffer,
  checkPublishLimit,
  checkReservedSegment,
  checkTransportId,
} from '../../../src/options/option-checks.js';

const LONGEST = 2_147_483_647;
const FUNCTION = (): undefined => undefined;
const LIMITS = { maxMessages: 10, maxAge: 20, maxBytes: 30 };

const isAccepted = (check: () => unknown): boolean => {
  try {
    check();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    return false;
  }
};

describe('the checks of numbers', () => {
  const anything = fc.oneof(fc.integer(), fc.double(), fc.anything());

  it('checkMilliseconds accepts numbers from the least to the longest delay of a timer', () => {
    fc.assert(
      fc.property(anything, fc.nat(5), (value, least) => {
        const isDelay = typeof value === 'number' && value >= least && value <= LONGEST;
        expect(isAccepted(() => checkMilliseconds('x', value, least))).toBe(isDelay);
      }),
    );
  });

  it.each([
    [0, 0, true],
    [0, 1, false],
    [LONGEST, 0, true],
    [LONGEST + 1, 0, false],
    [Infinity, 0, false],
    [Number.NaN, 0, false],
    ['5', 0, false],
  ])('checkMilliseconds accepts %j with the least %i: %j', (value, least, expected) => {
    expect(isAccepted(() => checkMilliseconds('x', value, least))).toBe(expected);
  });

  it.each([
    [1, true],
    [0, false],
    [1.5, false],
    [Infinity, true],
    [-Infinity, false],
    [Number.NaN, false],
    ['5', false],
    [5n, false],
    [null, false],
  ])('checkCount accepts %s with the least 1: %j', (value, expected) => {
    expect(isAccepted(() => checkCount('x', value, 1))).toBe(expected);
  });
});

describe('the checks of values', () => {
  it.each<[string, (value: unknown) => unknown, unknown[], unknown[]]>([
    ['checkBoolean', (it) => checkBoolean('x', it), [true, false], [0, 1, 'true', null]],
    ['checkOneOf', (it) => checkOneOf('x', it, ['a', 'b']), ['a', 'b'], ['c', '', null, ['a']]],
    [
      'checkReservedSegment',
      (it) => checkReservedSegment('x', it),
      ['_pubsub', 'a-b', 'A1'],
      ['', 'a.b', 'a b', 'é', '*', 1],
    ],
    ['checkPrefix', (it) => checkPrefix('x', it), ['', 'shop:', '*', 'é😀'], ['\ud800', 1, null]],
    [
      'checkTransportId',
      (it) => checkTransportId('x', it),
      [1, Symbol.iterator],
      ['redis', null, {}, true],
    ],
    [
      'checkHook',
      (it) => checkHook('x', it, 'serialize'),
      [{ serialize: FUNCTION }],
      [{}, { serialize: 1 }, FUNCTION, null, 'serialize'],
    ],
    [
      'checkCodec',
      (it) => checkCodec('x', it),
      ['envelope', 'json', { encode: FUNCTION, decode: FUNCTION }],
      ['xml', { encode: FUNCTION }, { decode: FUNCTION }, null, FUNCTION],
    ],
    ['checkCredentials', (it) => checkCredentials('x', it), [FUNCTION], [{}, null, 'secret']],
  ])('%s returns valid values, and refuses others', (_, check, valid, invalid) => {
    for (const value of valid) expect(check(value)).toBe(value);
    for (const value of invalid) expect(() => check(value)).toThrow(InvalidOptionError);
  });

  it('checkCredentials does not show a password', () => {
    expect(() => checkCredentials('x', 'secret')).not.toThrow('secret');
  });
});

describe('checkPublishBuffer', () => {
  it.each<[unknown, unknown]>([
    [false, false],
    [{}, LIMITS],
    [{ maxMessages: 1 }, { ...LIMITS, maxMessages: 1 }],
    [
      { maxAge: 1, maxMessages: undefined },
      { ...LIMITS, maxAge: 1 },
    ],
    [{ maxMessages: Infinity }, { ...LIMITS, maxMessages: Infinity }],
    [{ maxBytes: Infinity }, { ...LIMITS, maxBytes: Infinity }],
  ])('turns %j into %j', (value, expected) => {
    expect(checkPublishBuffer('x', value, LIMITS)).toEqual(expected);
  });

  const wrongTypes = [true, null, [], 5, { max: 1 }];
  const wrongNumbers = [
    { maxMessages: 0 },
    { maxAge: 0 },
    { maxAge: Infinity },
    { maxBytes: 0 },
    { maxBytes: '1mb' },
  ];
  it.each([...wrongTypes, ...wrongNumbers])('refuses %j', (value) => {
    expect(() => checkPublishBuffer('x', value, LIMITS)).toThrow(InvalidOptionError);
  });
});

describe('checkPublishLimit', () => {
  const DEFAULTS = { maxMessages: 10, maxBytes: 30 };

  it.each<[unknown, unknown]>([
    [{}, DEFAULTS],
    [{ maxMessages: 1 }, { maxMessages: 1, maxBytes: 30 }],
    [
      { maxBytes: Infinity, maxMessages: undefined },
      { maxMessages: 10, maxBytes: Infinity },
    ],
  ])('turns %j into %j', (value, expected) => {
    expect(checkPublishLimit('x', value, DEFAULTS)).toEqual(expected);
  });

  it.each([false, null, [], { maxMessages: 0 }, { maxBytes: 0 }, { maxAge: 1 }])(
    'refuses %j',
    (value) => {
      expect(() => checkPublishLimit('x', value, DEFAULTS)).toThrow(InvalidOptionError);
    },
  );
});
