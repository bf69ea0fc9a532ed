import {
  BadRequestException,
  Catch,
  Controller,
  Scope,
  UseFilters,
  type ArgumentsHost,
  type RpcExceptionFilter,
} from '@nestjs/common';
import { EventPattern, MessagePattern, RpcException } from '@nestjs/microservices';
import { concat, firstValueFrom, of, throwError, type Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RedisPubSubClient, RedisPubSubContext } from 'nestjs-redis-pubsub';
import { createClient, startService, type TestLog } from '../../support/app.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const INTERNAL = { status: 'error', message: 'Internal server error' };

class DomainError extends Error {}

const seen: unknown[] = [];

/** The error that a handler throws, selected by the data of the message. */
function failure(kind: string): unknown {
  if (kind === 'rpc text') return new RpcException('a text');
  if (kind === 'rpc object') return new RpcException({ code: 'E_STOCK', left: 3 });
  if (kind === 'http') return new BadRequestException('bad');
  if (kind === 'domain') return new DomainError('sold out');
  return new Error('a secret');
}

@Catch(DomainError)
class DomainFilter implements RpcExceptionFilter<DomainError> {
  catch(error: DomainError, host: ArgumentsHost): Observable<never> {
    const context = host.switchToRpc().getContext<RedisPubSubContext>();
    seen.push(['filter', context.getChannel(), error.message]);
    return throwError(() => ({ kind: 'domain', message: error.message }));
  }
}

@Catch(DomainError)
class RecoveryFilter implements RpcExceptionFilter<DomainError> {
  catch(error: DomainError): Observable<unknown> {
    seen.push(['recovered', error.message]);
    return of({ recovered: true });
  }
}

class Failing {
  @MessagePattern('errors.request')
  request(kind: string): never {
    throw failure(kind);
  }

  @MessagePattern('errors.promise')
  promise(kind: string): Promise<never> {
    return Promise.reject(failure(kind));
  }

  @MessagePattern('errors.stream')
  stream(kind: string): Observable<unknown> {
    return concat(
      of(1, 2),
      throwError(() => failure(kind)),
    );
  }

  @EventPattern('errors.event')
  event(kind: string): string {
    if (kind === 'none') return String(seen.push('handled'));
    throw failure(kind);
  }

  @EventPattern('errors.event.*')
  glob(kind: string): Promise<string> {
    if (kind === 'none') return Promise.resolve(String(seen.push('handled')));
    return Promise.reject(failure(kind));
  }

  @EventPattern('errors.event.stream')
  eventStream(kind: string): Observable<unknown> {
    return concat(
      of(1),
      throwError(() => failure(kind)),
    );
  }

  @UseFilters(DomainFilter)
  @MessagePattern('errors.filtered')
  filtered(kind: string): never {
    throw failure(kind);
  }

  @UseFilters(RecoveryFilter)
  @MessagePattern('errors.recovered')
  recovered(): never {
    throw failure('domain');
  }

  @UseFilters(RecoveryFilter)
  @EventPattern('errors.recovered.event')
  recoveredEvent(kind: string): void {
    if (kind === 'none') seen.push('handled');
    else throw failure('domain');
  }
}

@Controller()
class FailingSingleton extends Failing {}

@Controller({ scope: Scope.REQUEST })
class FailingPerRequest extends Failing {}

describe.each([
  { of: 'a controller', controller: FailingSingleton },
  { of: 'a request-scoped controller', controller: FailingPerRequest },
])('the error of a handler of $of', ({ controller }) => {
  const redis = useRedis();
  let client: RedisPubSubClient;
  let log: TestLog;

  beforeEach(async () => {
    seen.length = 0;
    const options = { connection: redis.url };
    ({ log } = await startService({ module: class {}, controllers: [controller] }, options));
    client = createClient(options);
  });

  it.each(['errors.request', 'errors.promise'])(
    'reaches the caller of %s only if it is an RpcException',
    async (pattern) => {
      const errorOf = async (kind: string): Promise<unknown> =>
        (await outcomeOf(client.send(pattern, kind))).error;
      expect(await errorOf('rpc text')).toEqual({ status: 'error', message: 'a text' });
      expect(await errorOf('rpc object')).toEqual({ code: 'E_STOCK', left: 3 });
      expect(await errorOf('error')).toEqual(INTERNAL);
      expect(await errorOf('http')).toEqual(INTERNAL);
      expect(log.of('error')).toEqual([
        expect.stringContaining(
          `The handler of "${pattern}" failed on "${pattern}": Error: a secret`,
        ),
      ]);
      expect(log.of('warn')).toEqual([
        expect.stringContaining(
          `The handler of "${pattern}" failed on "${pattern}": BadRequestException: bad`,
        ),
      ]);
    },
  );

  it('reaches the caller after the values of a stream', async () => {
    const replies$ = client.send('errors.stream', 'rpc text');
    const error = { status: 'error', message: 'a text' };
    expect(await outcomeOf(replies$)).toEqual({ values: [1, 2], error });
  });

  it('reaches the caller in the form that a custom filter gives it', async () => {
    const reply$ = client.send('errors.filtered', 'domain');
    const error = { kind: 'domain', message: 'sold out' };
    expect(await outcomeOf(reply$)).toEqual({ values: [], error });
    expect(seen).toEqual([['filter', 'errors.filtered', 'sold out']]);
    expect(log.of('error')).toEqual([]);
  });

  it('is not caught by a filter for another class of errors', async () => {
    const reply$ = client.send('errors.filtered', 'error');
    expect(await outcomeOf(reply$)).toEqual({ values: [], error: INTERNAL });
    expect(seen).toEqual([]);
  });

  it('becomes a normal reply if a filter returns a value', async () => {
    const reply$ = client.send('errors.recovered', 0);
    expect(await outcomeOf(reply$)).toEqual({ values: [{ recovered: true }] });
  });

  it('is not logged if a filter handles it', async () => {
    await firstValueFrom(client.emit('errors.recovered.event', 'domain'));
    await firstValueFrom(client.emit('errors.recovered.event', 'none'));
    await eventually(() => seen.length >= 2);
    expect(seen.toSorted()).toEqual(['handled', ['recovered', 'sold out']].toSorted());
    expect(log.of('error')).toEqual([]);
  });

  describe.each(['errors.event', 'errors.event.x'])('on %s', (channel) => {
    it.each([
      { kind: 'error', logged: /a secret/ },
      { kind: 'rpc text', logged: /a text/ },
      { kind: 'rpc object', logged: /E_STOCK/ },
    ])('is logged once for an event: $kind', async ({ kind, logged }) => {
      await firstValueFrom(client.emit(channel, kind));
      await firstValueFrom(client.emit(channel, 'none'));
      await eventually(() => seen.length > 0);
      // The reply to this request arrives after the log lines of the event before it.
      await outcomeOf(client.send('errors.recovered', 0));
      expect([...log.of('error'), ...log.of('warn')]).toEqual([expect.stringMatching(logged)]);
      expect(log.of('error').join()).toContain(`failed on "${channel}": `);
    });

    it('is logged for an event even if it is an HttpException, which Nest does not log', async () => {
      await firstValueFrom(client.emit(channel, 'http'));
      await firstValueFrom(client.emit(channel, 'none'));
      await eventually(() => seen.length > 0);
      await outcomeOf(client.send('errors.recovered', 0));
      expect([...log.of('error'), ...log.of('warn')]).toEqual([
        expect.stringContaining(`failed on "${channel}": BadRequestException: bad`),
      ]);
    });
  });

  it.each(['error', 'rpc text'])(
    'in the stream of an event handler is logged: %s',
    async (kind) => {
      await firstValueFrom(client.emit('errors.event.stream', kind));
      await eventually(() => log.of('error').length >= 2);
      const text = kind === 'error' ? 'a secret' : 'a text';
      // Two lines, because the handler of `errors.event.*` fails as well.
      expect(log.of('error')).toEqual(
        Array.from({ length: 2 }, () => expect.stringContaining(text)),
      );
    },
  );
});
