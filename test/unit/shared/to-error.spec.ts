import * as fc from 'fast-check';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { RpcException } from '@nestjs/microservices';
import { toError } from '../../../src/shared/to-error.js';

const trap = (): never => {
  throw new Error('trap');
};

describe('toError', () => {
  it('returns an error as it is, of any class and realm', () => {
    const foreign: unknown = runInNewContext('new TypeError("foreign")');
    for (const error of [new TypeError('own'), new RpcException('rpc'), foreign]) {
      expect(toError(error)).toBe(error);
    }
  });

  it('returns an error with the text of any other value, which is its cause', () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        const error = toError(thrown);
        expect(error).toBeInstanceOf(Error);
        expect(typeof error.message).toBe('string');
        expect(error.message.length).toBeLessThanOrEqual(6 * 501);
        expect(Object.is(error.cause, thrown)).toBe(true);
      }),
    );
  });

  it('takes values that throw when they are read', () => {
    const hostile = new Proxy({}, { get: trap, getPrototypeOf: trap, ownKeys: trap });
    const error = toError(hostile);
    expect(error.message).toBe('a value that cannot be shown');
    expect(error.cause === hostile).toBe(true);
  });
});
