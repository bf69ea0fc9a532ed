import type { RedisOptions } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { guardCallbacks } from '../../../../src/broker/connection/guard-callbacks.js';
import { FakeClient, FakeLog } from '../fake-client.js';

function guard(options: RedisOptions) {
  const log = new FakeLog();
  const delays: unknown[] = [];
  const client = new FakeClient(options);
  guardCallbacks(client.redis, log, (delay) => delays.push(delay));
  return { log, delays, options: client.options };
}

const fail = (): never => {
  throw new Error('a fault of the user');
};

describe('guardCallbacks', () => {
  it('passes the delay of the retryStrategy on, and reports it', () => {
    const { options, delays, log } = guard({ retryStrategy: (attempt) => attempt * 7 });
    expect(options.retryStrategy?.(3)).toBe(21);
    expect([delays, log.lines]).toEqual([[21], []]);
  });

  it.each([null, undefined])('passes %j on, which ends the attempts', (end) => {
    const { options, delays } = guard({ retryStrategy: () => end });
    expect(options.retryStrategy?.(1)).toBe(end);
    expect(delays).toEqual([end]);
  });

  it('uses the default delay when the retryStrategy throws, and logs it', () => {
    const { options, delays, log } = guard({ retryStrategy: fail });
    const delay = options.retryStrategy?.(1);
    expect(delay).toBeGreaterThanOrEqual(50);
    expect(delay).toBeLessThan(251);
    expect(delays).toEqual([delay]);
    expect(log.lines).toEqual([
      'error: The ioredis option "retryStrategy" threw; using its default: a fault of the user',
    ]);
  });

  it('retries no more without a retryStrategy', () => {
    const { options, delays } = guard({});
    expect(options.retryStrategy?.(1)).toBeUndefined();
    expect(delays).toEqual([undefined]);
  });

  it.each([true, false, 1, 2] as const)('passes %j of reconnectOnError on', (answer) => {
    const { options } = guard({ reconnectOnError: () => answer });
    expect(options.reconnectOnError?.(new Error('READONLY'))).toBe(answer);
  });

  it('does not reconnect when reconnectOnError throws, and logs it', () => {
    const { options, log } = guard({ reconnectOnError: fail });
    expect(options.reconnectOnError?.(new Error('READONLY'))).toBe(false);
    expect(log.lines).toEqual([
      'error: The ioredis option "reconnectOnError" threw; using its default: a fault of the user',
    ]);
  });

  it('adds no reconnectOnError', () => {
    expect(guard({}).options.reconnectOnError).toBeUndefined();
  });
});
