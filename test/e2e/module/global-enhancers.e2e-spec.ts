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
class Shout implements PipeTransform<unknown> {
  transform(value: unknown): unknown {
    return typeof value === 'string' ? value.toUpperCase() : value;
  }
}

class NotSecret implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToRpc().getData<unknown>() !== 'secret';
  }
}

class Quote implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((value) => `"${String(value)}"`));
  }
}

class Tell implements ExceptionFilter {
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
  { provide: APP_PIPE, useClass: Shout },
  { provide: APP_GUARD, useClass: NotSecret },
  { provide: APP_INTERCEPTOR, useClass: Quote },
  { provide: APP_FILTER, useClass: Tell },
];

describe.each(['controllers', 'providers'])('handlers among the %s', (kind) => {
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
        .useGlobalPipes(new Shout())
        .useGlobalGuards(new NotSecret())
        .useGlobalInterceptors(new Quote())
        .useGlobalFilters(new Tell());
    }
    await app.init();
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    const ask = (data: string) => firstValueFrom(client.send<unknown>('global.a.echo', data));
    return { ask, log };
  }

  it.each([
    ['app.useGlobalPipes and the like', { useGlobals: true }],
    ['APP_PIPE and the like', { providers: APP_PROVIDERS }],
  ])('run with %s', async (_, setUp) => {
    const { ask } = await start(setUp);
    expect(await ask('hi')).toBe('"HI"');
    expect(await failureOf(ask('secret'))).toEqual({ told: 'Forbidden resource' });
    expect(await failureOf(ask('bad'))).toEqual({ told: 'bad' });
  });

  it('run with an APP_PIPE of request scope', async () => {
    let made = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Count implements PipeTransform<unknown> {
      readonly #number = ++made;

      transform(value: unknown): unknown {
        return `${this.#number}: ${String(value)}`;
      }
    }
    const { ask } = await start({ providers: [{ provide: APP_PIPE, useClass: Count }] });
    expect(await ask('a')).toBe('1: a');
    expect(await ask('b')).toBe('2: b');
  });

  it('run behind an APP_GUARD of request scope', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard extends NotSecret {}
    const { ask } = await start({ providers: [{ provide: APP_GUARD, useClass: ScopedGuard }] });
    expect(await ask('open')).toBe('open');
    expect(await failureOf(ask('secret'))).toEqual({
      status: 'error',
      message: 'Forbidden resource',
    });
  });

  it.each([
    ['app.useGlobalPipes and the like', { useGlobals: true }],
    ['APP_PIPE and the like', { providers: APP_PROVIDERS }],
  ])('run without %s if inheritAppConfig is false', async (_, setUp) => {
    const { ask } = await start({ ...setUp, inheritAppConfig: false });
    expect(await ask('hi')).toBe('hi');
    expect(await ask('secret')).toBe('secret');
    expect(await failureOf(ask('bad'))).toEqual({
      status: 'error',
      message: 'Internal server error',
    });
  });
});

describe('an APP_GUARD of request scope', () => {
  const redis = useRedis();

  it('leaves a provider with handlers its hooks, and the others the instance that they know', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard extends NotSecret {}
    const destroyed: unknown[] = [];
    @Injectable()
    class Listening extends EchoProvider {
      onModuleDestroy(): void {
        destroyed.push(this);
      }
    }
    @Injectable()
    class Using {
      constructor(readonly listening: Listening) {}

      onModuleDestroy(): void {
        destroyed.push(this);
      }
    }
    const { app } = await createHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Listening, Using, { provide: APP_GUARD, useClass: ScopedGuard }],
    });
    await app.init();
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    const ask = (data: string) => firstValueFrom(client.send<unknown>('global.a.echo', data));
    expect(await ask('open')).toBe('open');
    await expect(ask('secret')).rejects.toMatchObject({ message: 'Forbidden resource' });
    const [listening, using] = [app.get(Listening), app.get(Using)];
    await app.close();
    expect(using.listening).toBe(listening);
    expect(destroyed).toHaveLength(2);
    expect(destroyed).toEqual(expect.arrayContaining([listening, using]));
  });
});
