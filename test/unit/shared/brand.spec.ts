import { describe, expect, it } from 'vitest';
import { addBrand, brandOf, brandValue, hasBrand } from '../../../src/shared/brand.js';

const BRAND = brandOf('test');

class Marked {
  static {
    addBrand(this.prototype, BRAND);
  }
}

describe('a brand', () => {
  it('is the same symbol in every copy of the package', () => {
    expect(BRAND).toBe(Symbol.for('nestjs-redis-pubsub.test'));
  });

  it('marks the instances of a class and of its subclasses', () => {
    expect(hasBrand(new Marked(), BRAND)).toBe(true);
    expect(hasBrand(new (class extends Marked {})(), BRAND)).toBe(true);
    expect(Object.keys(new Marked())).toEqual([]);
  });

  it('marks a class itself, with a value', () => {
    const target = class {};
    addBrand(target, BRAND, 'token');
    expect(brandValue(target, BRAND)).toBe('token');
    expect(brandValue(new target(), BRAND)).toBeUndefined();
  });

  it.each([[undefined], [null], ['text'], [{}], [{ 'nestjs-redis-pubsub.test': true }]])(
    'is not in %o',
    (value) => {
      expect(hasBrand(value, BRAND)).toBe(false);
    },
  );

  it('is not in an object that throws when it is read', () => {
    const value = new Proxy({}, { get: () => JSON.parse('{') as never });
    expect(hasBrand(value, BRAND)).toBe(false);
  });
});
