import type { NatMap } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { translate } from '../../../../src/broker/connection/nat-map.js';

const OUTSIDE = { host: 'redis.example', port: 30_001 };

describe('translate', () => {
  it.each([
    ['without a map', undefined, undefined],
    ['with an entry', { '10.0.0.1:6379': OUTSIDE }, OUTSIDE],
    ['without an entry', { '10.0.0.2:6379': OUTSIDE }, undefined],
    ['with a function that knows it', () => OUTSIDE, OUTSIDE],
    ['with a function that returns null', () => null, undefined],
    ['with a function that returns undefined', () => undefined, undefined],
  ])('%s', (_, natMap, expected) => {
    // Functions in JavaScript may return `undefined`.
    expect(translate(natMap as NatMap, '10.0.0.1:6379')).toEqual(expected);
  });

  it('calls a function with the address', () => {
    const asked: string[] = [];
    translate((address) => {
      asked.push(address);
      return null;
    }, '10.0.0.1:6379');
    expect(asked).toEqual(['10.0.0.1:6379']);
  });
});
