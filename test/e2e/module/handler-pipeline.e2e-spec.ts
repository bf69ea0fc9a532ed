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

/** Has a dependency, so that it works only if Nest made it. */
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

const Handler = createParamDecorator((_: unknown, context: ExecutionContext) => [
  context.getClass().name,
  context.getHandler().name,
]);

describe.each(FORMS)('handlers among the $kind have Nest’s', ({ kind, Handles }) => {
  const redis = useRedis();

  it('pipes: a DTO is validated and transformed', async () => {
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

  it('guards, made by Nest, on the class and for events and requests alike', async () => {
    const heard: unknown[] = [];
    @Handles()
    @UseGuards(TokenGuard)
    class Guarded {
      @MessagePattern('guard.get')
      get() {
        return 'in';
      }

      @EventPattern('guard.event')
      on(@Payload() data: unknown) {
        heard.push(data);
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
    await eventually(() => heard.length > 0);
    expect(heard).toEqual([{ token: 'open' }]);
  });

  it('interceptors, the one of the class outside the one of the method', async () => {
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

  it('exception filters, made by Nest, also for what a stream fails with', async () => {
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

  it('parameter decorators, with pipes of their own', async () => {
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
      custom(@Handler() handler: string[]) {
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

  it('plain methods: without decorated parameters they get the data', async () => {
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
