import { BadRequestException, type ArgumentsHost } from '@nestjs/common';
import { BaseRpcExceptionFilter, RpcException, Server } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  INTERNAL_ERROR,
  isHiddenByNest,
  normalizePattern,
} from '../../../src/transport/nest-internals.js';

describe('normalizePattern, with the installed Nest', () => {
  it('reaches a function of Server', () => {
    expect(typeof Reflect.get(Server.prototype, 'normalizePattern')).toBe('function');
  });

  it.each([
    ['user.created', 'user.created'],
    [5, '5'],
    [{ cmd: 'sum' }, '{"cmd":"sum"}'],
    [{ b: 1, a: { d: 2, c: 'x' } }, '{"a":{"c":"x","d":2},"b":1}'],
  ])('turns %j into %s', (pattern, expected) => {
    expect(normalizePattern(pattern)).toBe(expected);
  });
});

/** What the filter of Nest replaces an error by. */
async function filtered(thrown: unknown): Promise<unknown> {
  const filter = new BaseRpcExceptionFilter();
  Reflect.set(BaseRpcExceptionFilter, 'logger', { error: () => undefined });
  try {
    return await firstValueFrom(filter.catch(thrown as never, {} as ArgumentsHost));
  } catch (hidden) {
    return hidden;
  }
}

describe('isHiddenByNest, with the installed Nest', () => {
  it.each([new Error('a secret'), new BadRequestException(), 'text', { any: 'value' }])(
    'knows the replacement of %o',
    async (error) => {
      const replacement = await filtered(error);
      expect(replacement).toMatchObject(INTERNAL_ERROR);
      expect(isHiddenByNest(replacement)).toBe(true);
    },
  );

  it.each([new RpcException('seen'), new RpcException({ status: 'error', message: 'seen' })])(
    'knows that %o is not replaced',
    async (error) => {
      expect(isHiddenByNest(await filtered(error))).toBe(false);
    },
  );

  it.each([
    undefined,
    null,
    'Internal server error',
    Object.assign(new Error('Internal server error'), { status: 'error' }),
    { status: 'error' },
    { message: 'Internal server error' },
  ])('takes %o for no replacement', (error) => {
    expect(isHiddenByNest(error)).toBe(false);
  });
});
