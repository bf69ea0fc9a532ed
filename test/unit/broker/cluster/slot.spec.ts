import { assert, asyncProperty, constantFrom, oneof, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SLOT_COUNT, slotOf } from '../../../../src/broker/cluster/slot.js';
import { useLoneNode } from '../../../support/cluster.js';

describe('the slot of a channel', () => {
  const node = useLoneNode();
  const asRedis = (channel: string): Promise<number> => node().client.cluster('KEYSLOT', channel);

  it.each([
    'user.1',
    '{user.1}.inbox',
    'a{b}c{d}',
    '{}user',
    '{user',
    'user}',
    '{{user}}',
    '}{a}',
    'é{ü}ß',
  ])('is the same as in Redis for %s', async (channel) => {
    expect(slotOf(channel)).toBe(await asRedis(channel));
  });

  it('is the same as in Redis for any text', async () => {
    const text = string({
      unit: oneof(constantFrom('{', '}', '.'), string({ unit: 'grapheme' })),
    }).filter((it) => it.isWellFormed() && it !== '');
    await assert(
      asyncProperty(text, async (channel) => {
        expect(slotOf(channel)).toBe(await asRedis(channel));
      }),
      { numRuns: 500 },
    );
  });

  it('has each of the 16,384 values', () => {
    const found = new Set(Array.from({ length: 200_000 }, (_, i) => slotOf(`user.${i}`)));
    expect(found.size).toBe(SLOT_COUNT);
  });
});
