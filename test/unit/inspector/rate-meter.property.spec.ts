import { array, assert, integer, nat, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateMeter, sumOfRates } from '../../../src/inspector/rate-meter.js';

const MAX_AGE_MS = 10_000;

/** How much time passes before each reading, and how much the counter grows in it. */
const steps = array(record({ ms: integer({ min: 1, max: MAX_AGE_MS }), grows: nat(1_000_000) }), {
  minLength: 1,
  maxLength: 20,
});

describe('RateMeter', () => {
  it('gives rates that sum up to the growth of the counter', () => {
    assert(
      property(steps, nat(), (all, start) => {
        const meter = new RateMeter(MAX_AGE_MS);
        meter.begin(0);
        expect(meter.rate('a', start)).toBeUndefined();
        let [at, value, sum] = [0, start, 0];
        for (const { ms, grows } of all) {
          at += ms;
          value += grows;
          meter.begin(at);
          sum += ((meter.rate('a', value) ?? Number.NaN) * ms) / 1000;
        }
        expect(sum).toBeCloseTo(value - start, 3);
      }),
    );
  });

  it('knows no rate of a counter that is new, was away, went back, or is old', () => {
    const meter = new RateMeter(MAX_AGE_MS);
    const read = (at: number, value: number): number | undefined => {
      meter.begin(at);
      return meter.rate('a', value);
    };
    expect(read(0, 100)).toBeUndefined();
    expect(read(1000, 90)).toBeUndefined();
    expect(read(2000, 95)).toBe(5);
    meter.begin(3000);
    expect(read(4000, 100)).toBeUndefined();
    expect(read(4000, 100)).toBeUndefined();
    expect(read(4000 + MAX_AGE_MS + 1, 200)).toBeUndefined();
    expect(read(5000 + MAX_AGE_MS + 1, 200)).toBe(0);
  });

  it('tells counters apart', () => {
    const meter = new RateMeter(MAX_AGE_MS);
    for (const at of [0, 1000]) {
      meter.begin(at);
      expect(meter.rate('a', at)).toBe(at === 0 ? undefined : 1000);
      expect(meter.rate('b', 2 * at)).toBe(at === 0 ? undefined : 2000);
    }
  });
});

describe('sumOfRates', () => {
  it('adds up those that are known', () => {
    expect(sumOfRates([])).toBeUndefined();
    expect(sumOfRates([undefined])).toBeUndefined();
    expect(sumOfRates([1, undefined, 2.5])).toBe(3.5);
    expect(sumOfRates([0])).toBe(0);
  });
});
