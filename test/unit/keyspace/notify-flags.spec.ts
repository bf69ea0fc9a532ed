import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  flagsIn,
  missingFlags,
  type NeededNotifications,
} from '../../../src/keyspace/notify-flags.js';

const EXPIRED: NeededNotifications = { channel: 'keyevent', events: ['expired'] };
const ALL_EVENTS: NeededNotifications = { channel: 'keyspace', events: undefined };
const FIELDS: NeededNotifications = { channel: 'subkeyspaceitem', events: ['hset'] };

const needed = fc.record({
  channel: fc.constantFrom('keyspace' as const, 'keyevent' as const, 'subkeyspaceitem' as const),
  events: fc.option(
    fc.array(
      fc.constantFrom(
        'set',
        'del',
        'expired',
        'evicted',
        'lpush',
        'sadd',
        'hset',
        'zadd',
        'xadd',
        'new',
        'keymiss',
        'of.a.module',
      ),
      { minLength: 1, maxLength: 4 },
    ),
    { nil: undefined },
  ),
});
const flags = fc
  .uniqueArray(fc.constantFrom(...Array.from('KEIg$lshzxetdmnoA')), { maxLength: 10 })
  .map((letters) => letters.join(''));

describe('missingFlags', () => {
  it.each<[string, NeededNotifications, string]>([
    ['', EXPIRED, 'Ex'],
    ['E', EXPIRED, 'x'],
    ['Kx', EXPIRED, 'E'],
    ['xE', EXPIRED, ''],
    ['AE', EXPIRED, ''],
    ['AKE', { channel: 'keyevent', events: ['keymiss', 'new'] }, 'mn'],
    ['', ALL_EVENTS, 'KA'],
    ['x', ALL_EVENTS, 'K'],
    ['AKE', FIELDS, 'I'],
    ['I', FIELDS, 'h'],
    ['', { channel: 'keyevent', events: ['of.a.module'] }, 'E'],
  ])('of %j for %o is %j', (present, need, missing) => {
    expect(missingFlags(present, [need])).toBe(missing);
  });

  it('has each letter once, and nothing is missing when they are added', () => {
    fc.assert(
      fc.property(flags, fc.array(needed, { maxLength: 4 }), (present, all) => {
        const missing = missingFlags(present, all);
        expect(new Set(missing).size).toBe(missing.length);
        expect(Array.from(missing).filter((letter) => present.includes(letter))).toEqual([]);
        expect(missingFlags(present + missing, all)).toBe('');
      }),
    );
  });
});

describe('flagsIn', () => {
  it.each<[unknown, string | undefined]>([
    [['notify-keyspace-events', 'AKE'], 'AKE'],
    [{ 'notify-keyspace-events': '' }, ''],
    [new Map([['notify-keyspace-events', 'Ex']]), 'Ex'],
    [[], undefined],
    [{}, undefined],
    [undefined, undefined],
    [new Error('NOPERM'), undefined],
  ])('of %o are %j', (answer, expected) => {
    expect(flagsIn(answer)).toBe(expected);
  });
});
