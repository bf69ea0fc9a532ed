import { BadRequestException, type ArgumentsHost } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { BaseRpcExceptionFilter, RpcException, Server } from '@nestjs/microservices';
import { firstValueFrom, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import {
  extendNest,
  INTERNAL_ERROR,
  isHiddenByNest,
  normalizePattern,
} from '../../../src/transport/nest-internals.js';
import { RedisPubSubContext, thrownIn } from '../../../src/transport/redis-pubsub.context.js';
import { hostileValues } from '../../support/hostile-values.js';

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

const context = (): RedisPubSubContext =>
  new RedisPubSubContext('a', {}, ChannelPattern.literal('a'), {});
const hostOf = (...args: unknown[]): ArgumentsHost => new ExecutionContextHost(args);

const run = async (
  filter: BaseRpcExceptionFilter,
  error: unknown,
  host: ArgumentsHost,
): Promise<unknown> => {
  try {
    // oxlint-disable-next-line promise/valid-params -- the filter is no promise
    return await firstValueFrom(filter.catch(error as never, host));
  } catch (passed) {
    return passed;
  }
};

describe('the errors of handlers after extendNest, with the installed Nest', () => {
  const nestLogger: unknown = Reflect.get(BaseRpcExceptionFilter, 'logger');
  let logged: unknown[];
  afterEach(() => void Reflect.set(BaseRpcExceptionFilter, 'logger', nestLogger));
  beforeEach(() => {
    extendNest(
      class {
        checkMethods() {}
      },
    );
    extendNest(
      class {
        checkMethods() {}
      },
    );
    logged = [];
    Reflect.set(BaseRpcExceptionFilter, 'logger', { error: (it: unknown) => logged.push(it) });
  });

  it('records an unknown error, and Nest does not log it', async () => {
    const of = context();
    const error = new Error('a secret');
    const passed = await run(new BaseRpcExceptionFilter(), error, hostOf({}, of));
    expect([passed, thrownIn(of)?.error, logged]).toEqual([INTERNAL_ERROR, error, []]);
  });

  it('records an RpcException, and passes on what it has for the caller', async () => {
    const of = context();
    const error = new RpcException({ code: 5 });
    const passed = await run(new BaseRpcExceptionFilter(), error, hostOf({}, of));
    expect([passed, thrownIn(of)?.error]).toEqual([{ code: 5 }, error]);
  });

  it('leaves the errors of other transports to Nest', async () => {
    const error = new Error('of another transport');
    for (const host of [hostOf({}, {}), hostOf(), {} as ArgumentsHost]) {
      expect(await run(new BaseRpcExceptionFilter(), error, host)).toEqual(INTERNAL_ERROR);
    }
    expect(logged).toEqual([error, error, error]);
  });

  it('leaves an error to a filter that handles unknown errors itself', async () => {
    class OwnFilter extends BaseRpcExceptionFilter {
      override handleUnknownError() {
        return throwError(() => 'own');
      }
    }
    const of = context();
    expect(await run(new OwnFilter(), new Error('x'), hostOf({}, of))).toBe('own');
    expect(thrownIn(of)).toBeUndefined();
  });

  it.each(hostileValues())('records a value that cannot be read: %s', async (_, value) => {
    const of = context();
    expect(await run(new BaseRpcExceptionFilter(), value, hostOf({}, of))).toEqual(INTERNAL_ERROR);
    expect(Object.is(thrownIn(of)?.error, value)).toBe(true);
  });
});
