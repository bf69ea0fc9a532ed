import {
  Controller,
  Injectable,
  Scope,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom, map, throwError, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { createClient } from '../../support/app.js';
import { useRedis } from '../../support/redis.js';
import { createHttpApp, failureOf } from './apps.js';

@Injectable()
class UpperCasePipe implements PipeTransform<unknown> {
  transform(value: unknown): unknown {
    return typeof value === 'string' ? value.toUpperCase() : value;
  }
}

class NotSecretGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToRpc().getData<unknown>() !== 'secret';
  }
}

class QuoteInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value) => `"${String(value)}"`));
  }
}

class MessageFilter implements ExceptionFilter {
  catch(error: Error): Observable<never> {
    return throwError(() => ({ told: error.message }));
  }
}

class Echo {
  @MessagePattern('global.:who.echo')
  echo(@Payload() data: unknown) {
    if (data === 'BAD' || data === 'bad') throw new Error('bad');
    return data;
  }
}

@Controller()
class EchoController extends Echo {}

@Injectable()
class EchoProvider extends Echo {}

const APP_PROVIDERS: Provider[] = [
  { provide: APP_PIPE, useClass: UpperCasePipe },
  { provide: APP_GUARD, useClass: NotSecretGuard },
  { provide: APP_INTERCEPTOR, useClass: QuoteInterceptor },
  { provide: APP_FILTER, useClass: MessageFilter },
];

describe.each(['controllers', 'providers'])('handlers in %s', (kind) => {
  const redis = useRedis();

  async function start(setUp: {
    providers?: Provider[];
    inheritAppConfig?: boolean;
    useGlobals?: boolean;
  }) {
    const { providers = [], inheritAppConfig, useGlobals } = setUp;
    const module = RedisPubSubModule.forRoot({ connection: redis.url, inheritAppConfig });
    const { app, log } = await createHttpApp({
      imports: [module],
      controllers: kind === 'controllers' ? [EchoController] : [],
      providers: kind === 'providers' ? [EchoProvider, ...providers] : providers,
    });
    if (useGlobals) {
      app
        .useGlobalPipes(new UpperCasePipe())
        .useGlobalGuards(new NotSecretGuard())
        .useGlobalInterceptors(new QuoteInterceptor())
        .useGlobalFilters(new MessageFilter());
    }
    await app.init();
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    const ask = (data: string) => firstValueFrom(client.send<unknown>('global.a.echo', data));
    return { ask, log };
  }

  it.each([
    ['app.useGlobalPipes()', { useGlobals: true }],
    ['APP_PIPE providers', { providers: APP_PROVIDERS }],
  ])('run with the global enhancers of %s', async (_, setUp) => {
    const { ask } = await start(setUp);
    expect(await ask('hi')).toBe('"HI"');
    expect(await failureOf(ask('secret'))).toEqual({ told: 'Forbidden resource' });
    expect(await failureOf(ask('bad'))).toEqual({ told: 'bad' });
  });

  it('run with a request-scoped APP_PIPE, created for each message', async () => {
    let created = 0;
    @Injectable({ scope: Scope.REQUEST })
    class CountingPipe implements PipeTransform<unknown> {
      readonly #number = ++created;

      transform(value: unknown): unknown {
        return `${this.#number}: ${String(value)}`;
      }
    }
    const { ask } = await start({ providers: [{ provide: APP_PIPE, useClass: CountingPipe }] });
    expect(await ask('a')).toBe('1: a');
    expect(await ask('b')).toBe('2: b');
  });

  it('run only if a request-scoped APP_GUARD allows the message', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard extends NotSecretGuard {}
    const { ask } = await start({ providers: [{ provide: APP_GUARD, useClass: ScopedGuard }] });
    expect(await ask('open')).toBe('open');
    expect(await failureOf(ask('secret'))).toEqual({
      status: 'error',
      message: 'Forbidden resource',
    });
  });

  it.each([
    ['app.useGlobalPipes()', { useGlobals: true }],
    ['APP_PIPE providers', { providers: APP_PROVIDERS }],
  ])('run without the global enhancers of %s if inheritAppConfig is false', async (_, setUp) => {
    const { ask } = await start({ ...setUp, inheritAppConfig: false });
    expect(await ask('hi')).toBe('hi');
    expect(await ask('secret')).toBe('secret');
    expect(await failureOf(ask('bad'))).toEqual({
      status: 'error',
      message: 'Internal server error',
    });
  });
});

describe('a request-scoped APP_GUARD', () => {
  const redis = useRedis();

  it('keeps a provider with handlers a singleton whose lifecycle hooks run once', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard extends NotSecretGuard {}
    const destroyed: unknown[] = [];
    @Injectable()
    class HandlerProvider extends EchoProvider {
      onModuleDestroy(): void {
        destroyed.push(this);
      }
    }
    @Injectable()
    class DependentProvider {
      constructor(readonly handlers: HandlerProvider) {}

      onModuleDestroy(): void {
        destroyed.push(this);
      }
    }
    const { app } = await createHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [
        HandlerProvider,
        DependentProvider,
        { provide: APP_GUARD, useClass: ScopedGuard },
      ],
    });
    await app.init();
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    const ask = (data: string) => firstValueFrom(client.send<unknown>('global.a.echo', data));
    expect(await ask('open')).toBe('open');
    await expect(ask('secret')).rejects.toMatchObject({ message: 'Forbidden resource' });
    const [handlers, dependent] = [app.get(HandlerProvider), app.get(DependentProvider)];
    await app.close();
    expect(dependent.handlers).toBe(handlers);
    expect(destroyed).toHaveLength(2);
    expect(destroyed).toEqual(expect.arrayContaining([handlers, dependent]));
  });
});
