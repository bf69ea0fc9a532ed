import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flagsIn, NeededFlags } from '../../../src/keyspace/notify-flags.js';

type Needed = readonly [...Parameters<NeededFlags['add']>];

function missingFlags(flags: string, all: readonly Needed[]): string {
  const needed = new NeededFlags();
  for (const it of all) needed.add(...it);
  return needed.missingIn(flags);
}

const EXPIRED: Needed = ['keyevent', ['expired']];
const ALL_EVENTS: Needed = ['keyspace', undefined];
const FIELDS: Needed = ['subkeyspaceitem', ['hset']];

const needed = fc.tuple(
  fc.constantFrom('keyspace' as const, 'keyevent' as const, 'subkeyspaceitem' as const),
  fc.option(
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
);
const flags = fc
  .uniqueArray(fc.constantFrom(...Array.from('KEIg$lshzxetdmnoA')), { maxLength: 10 })
  .map((letters) => letters.join(''));

describe('NeededFlags', () => {
  it.each<[string, Needed, string]>([
    ['', EXPIRED, 'Ex'],
    ['E', EXPIRED, 'x'],
    ['Kx', EXPIRED, 'E'],
    ['xE', EXPIRED, ''],
    ['AE', EXPIRED, ''],
    ['AKE', ['keyevent', ['keymiss', 'new']], 'mn'],
    ['', ALL_EVENTS, 'KA'],
    ['x', ALL_EVENTS, 'K'],
    ['AKE', FIELDS, 'I'],
    ['I', FIELDS, 'h'],
    ['', ['keyevent', ['of.a.module']], 'E'],
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

describe('NeededFlags#add', () => {
  it('returns whether more is needed than before', () => {
    const needed = new NeededFlags();
    expect(needed.add(...EXPIRED)).toBe(true);
    expect(needed.add(...EXPIRED)).toBe(false);
    expect(needed.add('keyevent', ['set'])).toBe(true);
    expect(needed.add('keyevent', ['expired', 'append'])).toBe(false);
    expect(needed.add(...ALL_EVENTS)).toBe(true);
    expect(needed.add(...ALL_EVENTS)).toBe(false);
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
