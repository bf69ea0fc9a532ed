import { Catch, Controller, UseFilters, type RpcExceptionFilter } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { concat, firstValueFrom, lastValueFrom, of, throwError, type Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, startService } from '../../support/app.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { cycle, unsendable } from './unsendable.js';

const omittedByJson = new Set(['an object whose toJSON returns undefined']);
const handled: string[] = [];
const crashes: unknown[] = [];
const onCrash = (error: unknown): void => void crashes.push(error);
const INTERNAL = { status: 'error', message: 'Internal server error' };

class Domain extends Error {
  constructor(readonly error: Error) {
    super();
  }
}

@Catch(Domain)
class PassingFilter implements RpcExceptionFilter {
  catch({ error }: Domain): Observable<never> {
    return throwError(() => error);
  }
}

@Controller()
class Service {
  @MessagePattern('reply')
  reply(@Payload() name: string) {
    return new Map(unsendable).get(name) ?? name;
  }

  @MessagePattern('grow')
  grow(@Payload() length: number) {
    return 'x'.repeat(length);
  }

  @MessagePattern('stream')
  stream(@Payload() name: string) {
    return of(1, new Map(unsendable).get(name), 3);
  }

  @UseFilters(PassingFilter)
  @MessagePattern('error')
  error(@Payload() how: string): unknown {
    const error = Object.assign(new Error('sold out'), { code: 'E_STOCK' });
    if (how === 'an Error') return error;
    if (how === 'a filter') throw new Domain(error);
    if (how === 'a stream') return throwError(() => new RpcException(error));
    throw new RpcException(error);
  }

  @MessagePattern('fail')
  fail() {
    throw new RpcException({ total: 1n, cycle });
  }

  @EventPattern('event')
  event(@Payload() how: string) {
    if (how === 'throw') throw new RpcException({ total: 1n });
    if (how === 'cycle') throw new RpcException(cycle);
    return how === 'stream'
      ? concat(
          of(1),
          throwError(() => new RpcException({ total: 1n })),
        )
      : handled.push(how);
  }
}

const errorOf = (outcome: Promise<unknown>): Promise<unknown> =>
  outcome.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );

describe('a result or error of a handler that cannot be encoded', () => {
  const redis = useRedis();

  beforeEach(() => {
    crashes.length = handled.length = 0;
    process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);
  });

  afterEach(() => {
    process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash);
    if (crashes.length > 0) throw new Error('This ends the process', { cause: crashes[0] });
  });

  it.each(unsendable)(
    'rejects the request, and the service answers the next one: %s',
    async (name) => {
      const { log } = await startService(
        { module: class {}, controllers: [Service] },
        { connection: redis.url },
      );
      const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
      const reply = lastValueFrom(client.send('reply', name), { defaultValue: 'nothing' });
      // A value that JSON omits from an object counts as no value.
      const isOmitted = omittedByJson.has(name);
      expect(await errorOf(reply)).toEqual(isOmitted ? { value: 'nothing' } : INTERNAL);
      expect(log.of('error').filter((it) => it.includes('Cannot reply on'))).toHaveLength(
        isOmitted ? 0 : 1,
      );
      expect(await lastValueFrom(client.send('reply', 'next'))).toBe('next');
    },
  );

  it('is logged with its place and its type', async () => {
    const { log } = await startService(
      { module: class {}, controllers: [Service] },
      { connection: redis.url },
    );
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    expect(await errorOf(lastValueFrom(client.send('reply', 'a Set in an array')))).toEqual(
      INTERNAL,
    );
    expect(log.of('error').join()).toContain('JSON has no form for response[0]: Set');
  });

  it.each([
    ['returned', 'an Error'],
    ['thrown', 'an RpcException'],
    ['in a stream', 'a stream'],
    ['passed on by a filter', 'a filter'],
  ])('that is an Error reaches the caller with its message and code: %s', async (_, how) => {
    const { log } = await startService(
      { module: class {}, controllers: [Service] },
      { connection: redis.url },
    );
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    const outcome = await outcomeOf(client.send('error', how));
    const found = outcome.error ?? outcome.values[0];
    expect(found).toEqual({ status: 'error', message: 'sold out', code: 'E_STOCK' });
    expect(log.of('error')).toEqual([]);
  });

  it.each(['a cycle', 'a BigInt'])('ends its stream with an error: %s', async (name) => {
    await startService({ module: class {}, controllers: [Service] }, { connection: redis.url });
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    const values: unknown[] = [];
    const error = await new Promise((resolve, reject) => {
      client
        .send<unknown>('stream', name)
        .subscribe({ next: (it) => values.push(it), error: resolve, complete: () => reject() });
    });
    expect(error).toEqual(INTERNAL);
    expect(values).toEqual([1]);
  });

  it('rejects the request when it is the error', async () => {
    await startService({ module: class {}, controllers: [Service] }, { connection: redis.url });
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    expect(await errorOf(lastValueFrom(client.send('fail', 1)))).toEqual(INTERNAL);
    expect(await lastValueFrom(client.send('reply', 'next'))).toBe('next');
  });

  it.each(['throw', 'cycle', 'stream'])(
    'is logged when it is the error of an event handler: %s',
    async (how) => {
      const { log } = await startService(
        { module: class {}, controllers: [Service] },
        { connection: redis.url },
      );
      const client = createClient({ connection: redis.url });
      await firstValueFrom(client.emit('event', how));
      await firstValueFrom(client.emit('event', 'next'));
      await eventually(() => handled.length > 0);
      expect(handled).toEqual(['next']);
      expect(log.of('error').join()).toContain('"event"');
    },
  );

  it('that is larger than maxPayloadBytes rejects the request, and the reason is logged', async () => {
    const { log } = await startService(
      { module: class {}, controllers: [Service] },
      { connection: redis.url, maxPayloadBytes: 300 },
    );
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    expect(await errorOf(lastValueFrom(client.send('grow', 300)))).toEqual(INTERNAL);
    expect(log.of('error').join()).toContain('more than maxPayloadBytes (300)');
    expect(await lastValueFrom(client.send('grow', 3))).toBe('xxx');
  });
});
