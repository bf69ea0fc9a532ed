import { register, Registry, type OpenMetricsContentType } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { resolveMetricsOptions } from '../../../src/prometheus/metrics-options.js';

describe('resolveMetricsOptions', () => {
  it('has defaults', () => {
    expect(resolveMetricsOptions({})).toEqual({
      register,
      prefix: 'redis_pubsub_',
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
      channelLabel: undefined,
    });
  });

  it('takes what is given', () => {
    const given = {
      register: new Registry<OpenMetricsContentType>(),
      prefix: 'shop:',
      buckets: [-1, 0, 2],
      channelLabel: () => undefined,
    };
    expect(resolveMetricsOptions(given)).toEqual(given);
  });

  it.each([
    [null, 'Expected "options" to be an object, got null'],
    [{ registry: register }, 'Unknown option "registry": did you mean "register"?'],
    [{ register: {} }, 'Expected "register" to be a Registry of prom-client'],
    [{ register: null }, 'Expected "register" to be a Registry of prom-client, got null'],
    [{ prefix: '' }, 'Expected "prefix" to be letters'],
    [{ prefix: 'redis-' }, 'Expected "prefix" to be letters'],
    [{ prefix: 1 }, 'Expected "prefix" to be letters'],
    [{ buckets: [] }, 'Expected "buckets" to be an array of ascending numbers of seconds'],
    [{ buckets: [1, 1] }, 'Expected "buckets" to be'],
    [{ buckets: [2, 1] }, 'Expected "buckets" to be'],
    [{ buckets: [1, Infinity] }, 'Expected "buckets" to be'],
    [{ buckets: [1, '2'] }, 'Expected "buckets" to be'],
    [{ buckets: 1 }, 'Expected "buckets" to be'],
    [{ channelLabel: 'user' }, 'Expected "channelLabel" to be a function, got '],
  ])('refuses %j', (options, message) => {
    expect(() => resolveMetricsOptions(options as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_PUBSUB_INVALID_OPTION',
        message: expect.stringContaining(message) as string,
      }),
    );
  });
});
