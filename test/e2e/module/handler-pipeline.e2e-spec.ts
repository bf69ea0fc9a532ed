import {
  Catch,
  createParamDecorator,
  Injectable,
  ParseIntPipe,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { IsInt, IsString } from 'class-validator';
import { firstValueFrom, map, throwError, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  Channel,
  ChannelParam,
  MessageHeader,
  RedisPubSubContext,
  RedisPubSubRecordBuilder,
} from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf } from './apps.js';
import { FORMS, startWith } from './handler-forms.js';

class CreateUser {
  @IsString()
  name!: string;

  @IsInt()
  age!: number;
}

@Injectable()
class Policy {
  readonly token = 'open';
}

/** Has a dependency, so that it works only if Nest creates it. */
@Injectable()
class TokenGuard implements CanActivate {
  constructor(private readonly policy: Policy) {}

  canActivate(context: ExecutionContext): boolean {
    const { token } = context.switchToRpc().getData<{ token?: string }>();
    return context.getType() === 'rpc' && token === this.policy.token;
  }
}

class TrimPipe implements PipeTransform<unknown> {
  transform(value: unknown): unknown {
    return typeof value === 'string' ? value.trim() : value;
  }
}

const wrapWith = (name: string) => {
  @Injectable()
  class Wrap implements NestInterceptor {
    intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
      const ctx = context.switchToRpc().getContext<RedisPubSubContext>();
      return next.handle().pipe(map((value) => `${name}@${ctx.getPattern()}(${String(value)})`));
    }
  }
  return Wrap;
};
const Outer = wrapWith('outer');
const Inner = wrapWith('inner');

class Teapot extends Error {}

@Catch(Teapot)
class TeapotFilter implements ExceptionFilter {
  constructor(private readonly policy: Policy) {}

  catch(error: Teapot, host: ArgumentsHost): Observable<never> {
    const channel = host.switchToRpc().getContext<RedisPubSubContext>().getChannel();
    return throwError(() => ({ caught: error.message, channel, token: this.policy.token }));
  }
}

const HandlerName = createParamDecorator((_: unknown, context: ExecutionContext) => [
  context.getClass().name,
  context.getHandler().name,
]);

describe.each(FORMS)('handlers in $kind', ({ kind, Handles }) => {
  const redis = useRedis();

  it('run with pipes that validate and transform a DTO', async () => {
    const created: CreateUser[] = [];
    @Handles()
    class Users {
      @MessagePattern('pipe.create')
      @UsePipes(ValidationPipe)
      create(@Payload(new ValidationPipe({ transform: true })) user: CreateUser) {
        created.push(user);
        return user.name;
      }

      @MessagePattern('pipe.strict')
      @UsePipes(
        new ValidationPipe({
          exceptionFactory: ([error]) => new RpcException(error?.property ?? ''),
        }),
      )
      strict(@Payload() user: CreateUser) {
        created.push(user);
      }
    }
    const { client } = await startWith(redis, { [kind]: [Users] });
    const valid = { name: 'Ada', age: 36 };
    expect(await firstValueFrom(client.send('pipe.create', valid))).toBe('Ada');
    expect(created).toEqual([valid]);
    expect(created[0]).toBeInstanceOf(CreateUser);
    const wrong = { name: 'Ada', age: 'old' };
    expect(await failureOf(firstValueFrom(client.send('pipe.create', wrong)))).toEqual({
      status: 'error',
      message: 'Internal server error',
    });
    expect(await failureOf(firstValueFrom(client.send('pipe.strict', wrong)))).toEqual({
      status: 'error',
      message: 'age',
    });
    expect(created).toHaveLength(1);
  });

  it('run only if the class guard, created by Nest, allows the event or request', async () => {
    const received: unknown[] = [];
    @Handles()
    @UseGuards(TokenGuard)
    class Guarded {
      @MessagePattern('guard.get')
      get() {
        return 'in';
      }

      @EventPattern('guard.event')
      on(@Payload() data: unknown) {
        received.push(data);
      }
    }
    const handlers = { [kind]: [Guarded] };
    const { client } = await startWith(redis, {
      ...handlers,
      providers: [...(handlers.providers ?? []), Policy],
    });
    expect(await firstValueFrom(client.send('guard.get', { token: 'open' }))).toBe('in');
    expect(await failureOf(firstValueFrom(client.send('guard.get', { token: 'shut' })))).toEqual({
      status: 'error',
      message: 'Forbidden resource',
    });
    await firstValueFrom(client.emit('guard.event', { token: 'shut' }));
    await firstValueFrom(client.emit('guard.event', { token: 'open' }));
    await eventually(() => received.length > 0);
    expect(received).toEqual([{ token: 'open' }]);
  });

  it('run in the interceptor of the method, inside the interceptor of the class', async () => {
    @Handles()
    @UseInterceptors(Outer)
    class Wrapped {
      @MessagePattern('wrap.*')
      @UseInterceptors(Inner)
      get(@Payload() data: unknown) {
        return data;
      }
    }
    const { client } = await startWith(redis, { [kind]: [Wrapped] });
    expect(await firstValueFrom(client.send('wrap.it', 'x'))).toBe('outer@wrap.*(inner@wrap.*(x))');
  });

  it('pass the error of a method or a stream to an exception filter that Nest creates', async () => {
    @Handles()
    @UseFilters(TeapotFilter)
    class Kitchen {
      @MessagePattern('filter.brew')
      brew() {
        throw new Teapot('short and stout');
      }

      @MessagePattern('filter.stream')
      stream() {
        return throwError(() => new Teapot('steam'));
      }
    }
    const handlers = { [kind]: [Kitchen] };
    const { client } = await startWith(redis, {
      ...handlers,
      providers: [...(handlers.providers ?? []), Policy],
    });
    expect(await failureOf(firstValueFrom(client.send('filter.brew', 1)))).toEqual({
      caught: 'short and stout',
      channel: 'filter.brew',
      token: 'open',
    });
    expect(await failureOf(firstValueFrom(client.send('filter.stream', 1)))).toEqual({
      caught: 'steam',
      channel: 'filter.stream',
      token: 'open',
    });
  });

  it('receive decorated parameters, each after its own pipes', async () => {
    @Handles()
    class Params {
      @MessagePattern('param.:id.data')
      data(@Payload('n', ParseIntPipe) n: number, @Payload('text', TrimPipe) text: string) {
        return [n, text];
      }

      @MessagePattern('param.:id.context')
      context(
        @Ctx() context: RedisPubSubContext,
        @Channel() channel: string,
        @ChannelParam('id', ParseIntPipe) id: number,
        @MessageHeader('tenant') tenant: string,
      ) {
        return [context.getPattern(), channel, id, tenant];
      }

      @MessagePattern('param.handler')
      custom(@HandlerName() handler: string[]) {
        return handler;
      }
    }
    const { client } = await startWith(redis, { [kind]: [Params] });
    const record = new RedisPubSubRecordBuilder({ n: '7', text: ' x ' })
      .setHeader('tenant', 'acme')
      .build();
    expect(await firstValueFrom(client.send('param.42.data', record))).toEqual([7, 'x']);
    expect(await firstValueFrom(client.send('param.42.context', record))).toEqual([
      'param.:id.context',
      'param.42.context',
      42,
      'acme',
    ]);
    expect(await firstValueFrom(client.send('param.handler', 1))).toEqual(['Params', 'custom']);
  });

  it('receive the data if no parameter is decorated', async () => {
    @Handles()
    class Plain {
      @MessagePattern('plain.get')
      get(data: unknown) {
        return data;
      }
    }
    const { client } = await startWith(redis, { [kind]: [Plain] });
    expect(await firstValueFrom(client.send('plain.get', { a: 1 }))).toEqual({ a: 1 });
  });
});
