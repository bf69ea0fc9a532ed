import {
  Controller,
  Injectable,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { firstValueFrom, from, map, tap, type Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  RedisPubSubContext,
  RedisPubSubRecordBuilder,
  type RedisPubSubClient,
  type RedisPubSubRecord,
} from 'nestjs-redis-pubsub';
import { createClient, startService } from '../../support/app.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const FORBIDDEN = { status: 'error', message: 'Forbidden resource' };

const seen: unknown[] = [];
const no = Promise.resolve(false);

@Injectable()
class Roles {
  isAllowed(role: string | undefined): Promise<boolean> {
    return Promise.resolve(role === 'admin');
  }
}

@Injectable()
class AdminGuard implements CanActivate {
  constructor(private readonly roles: Roles) {}

  canActivate(execution: ExecutionContext): Promise<boolean> {
    const context: unknown = execution.switchToRpc().getContext();
    if (execution.getType() !== 'rpc' || !(context instanceof RedisPubSubContext)) return no;
    return this.roles.isAllowed(context.getHeader('role'));
  }
}

@Injectable()
class WrapInterceptor implements NestInterceptor {
  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { name } = execution.getHandler();
    seen.push(['before', name, execution.switchToRpc().getData()]);
    return next.handle().pipe(
      map((value: unknown) => (value === undefined ? value : { wrapped: value })),
      tap({ complete: () => seen.push(['after', name]) }),
    );
  }
}

@Controller()
@UseGuards(AdminGuard)
class Guarded {
  @EventPattern('guards.event')
  event(data: unknown): void {
    seen.push(data);
  }

  @EventPattern('guards.glob.*')
  glob(data: unknown): void {
    seen.push(data);
  }

  @MessagePattern('guards.request')
  request(data: unknown): unknown {
    seen.push(data);
    return data;
  }
}

@Controller()
@UseInterceptors(WrapInterceptor)
class Intercepted {
  @EventPattern('around.event')
  async event(data: unknown): Promise<void> {
    await Promise.resolve();
    seen.push(['handler', data]);
  }

  @MessagePattern('around.request')
  request(data: unknown): unknown {
    seen.push(['handler', data]);
    return data;
  }

  @MessagePattern('around.stream')
  stream(numbers: number[]): Observable<number> {
    return from(numbers);
  }
}

const as = (role: string, data: unknown): RedisPubSubRecord =>
  new RedisPubSubRecordBuilder(data).setHeader('role', role).build();

describe('guards and interceptors of handlers', () => {
  const redis = useRedis();
  let client: RedisPubSubClient;

  beforeEach(() => {
    seen.length = 0;
    client = createClient({ connection: redis.url });
  });

  const start = (...controllers: (typeof Guarded | typeof Intercepted)[]) =>
    startService({ module: class {}, controllers, providers: [Roles] }, { connection: redis.url });
  const emit = (pattern: string, data: unknown): Promise<number> =>
    firstValueFrom(client.emit(pattern, data));

  it.each(['guards.event', 'guards.glob.x'])(
    'a guard can block events on %s, and one warning says so',
    async (channel) => {
      const { log } = await start(Guarded);
      await emit(channel, as('guest', 1));
      await emit(channel, as('admin', 2));
      await eventually(() => seen.length > 0);
      expect(seen).toEqual([2]);
      expect(log.of('error')).toEqual([]);
      expect(log.of('warn')).toEqual([expect.stringMatching(/Forbidden resource$/)]);
    },
  );

  it('a guard that denies a request rejects it with "Forbidden resource"', async () => {
    await start(Guarded);
    const denied$ = client.send('guards.request', as('guest', 1));
    expect(await outcomeOf(denied$)).toEqual({ values: [], error: FORBIDDEN });
    const allowed$ = client.send('guards.request', as('admin', 2));
    expect(await outcomeOf(allowed$)).toEqual({ values: [2] });
    expect(seen).toEqual([2]);
  });

  it('an APP_GUARD guards requests', async () => {
    await startService(
      {
        module: class {},
        controllers: [Intercepted],
        providers: [Roles, { provide: APP_GUARD, useClass: AdminGuard }],
      },
      { connection: redis.url },
    );
    const denied$ = client.send('around.request', as('guest', 1));
    expect(await outcomeOf(denied$)).toEqual({ values: [], error: FORBIDDEN });
    const allowed$ = client.send('around.request', as('admin', 2));
    expect(await outcomeOf(allowed$)).toEqual({ values: [{ wrapped: 2 }] });
  });

  it('an interceptor runs before and after an event', async () => {
    await start(Intercepted);
    await emit('around.event', 'x');
    await eventually(() => seen.length >= 3);
    expect(seen).toEqual([
      ['before', 'event', 'x'],
      ['handler', 'x'],
      ['after', 'event'],
    ]);
  });

  it('an interceptor can change the reply to a request', async () => {
    await start(Intercepted);
    const reply$ = client.send('around.request', 'x');
    expect(await outcomeOf(reply$)).toEqual({ values: [{ wrapped: 'x' }] });
    expect(seen).toEqual([
      ['before', 'request', 'x'],
      ['handler', 'x'],
      ['after', 'request'],
    ]);
  });

  it('an interceptor can change each value of a stream', async () => {
    await start(Intercepted);
    const replies$ = client.send('around.stream', [1, 2]);
    expect(await outcomeOf(replies$)).toEqual({ values: [{ wrapped: 1 }, { wrapped: 2 }] });
    expect(seen).toEqual([
      ['before', 'stream', [1, 2]],
      ['after', 'stream'],
    ]);
  });
});
