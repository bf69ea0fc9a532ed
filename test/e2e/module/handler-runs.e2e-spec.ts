import { Inject, Injectable, Scope } from '@nestjs/common';
import {
  ContextIdFactory,
  REQUEST,
  type ContextId,
  type ContextIdStrategy,
  type HostComponentInfo,
} from '@nestjs/core';
import {
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  type RequestContext,
} from '@nestjs/microservices';
import {
  concat,
  defer,
  EMPTY,
  firstValueFrom,
  from,
  of,
  throwError,
  toArray,
  type Observable,
} from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RedisPubSubContext } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf } from './apps.js';
import { FORMS, startWith } from './handler-forms.js';

interface TenantRequest {
  readonly tenant: string;
}

/** One context for each tenant, as in Nest's documentation of durable providers. */
class PerTenant implements ContextIdStrategy {
  readonly #tenants = new Map<string, ContextId>();

  attach(contextId: ContextId, request: RequestContext<TenantRequest>) {
    const { tenant } = request.getData();
    const id = this.#tenants.get(tenant) ?? ContextIdFactory.create();
    this.#tenants.set(tenant, id);
    return {
      resolve: (info: HostComponentInfo) => (info.isTreeDurable ? id : contextId),
      payload: { tenant },
    };
  }
}

describe.each(FORMS)('handlers in $kind', ({ kind, Handles }) => {
  const redis = useRedis();

  it('with request scope are created for each message and can inject the request', async () => {
    let created = 0;
    @Handles({ scope: Scope.REQUEST })
    class Scoped {
      readonly #number = ++created;

      constructor(@Inject(REQUEST) readonly request: RequestContext<unknown, RedisPubSubContext>) {}

      @MessagePattern('scoped.:id')
      get(@Payload() data: unknown) {
        const context = this.request.getContext();
        return [this.#number, data, this.request.getData(), context.getParam('id')];
      }
    }
    const { client } = await startWith(redis, { [kind]: [Scoped] });
    expect(await firstValueFrom(client.send('scoped.1', 'a'))).toEqual([1, 'a', 'a', '1']);
    expect(await firstValueFrom(client.send('scoped.2', 'b'))).toEqual([2, 'b', 'b', '2']);
  });

  it('with default scope become request-scoped if a dependency is request-scoped', async () => {
    let created = 0;
    @Injectable({ scope: Scope.REQUEST })
    class Unit {
      readonly number = ++created;
    }
    @Handles()
    class Users {
      constructor(private readonly unit: Unit) {}

      @MessagePattern('bubble.get')
      get() {
        return this.unit.number;
      }
    }
    const handlers = { [kind]: [Users] };
    const { client } = await startWith(redis, {
      ...handlers,
      providers: [...(handlers.providers ?? []), Unit],
    });
    expect(await firstValueFrom(client.send('bubble.get', 1))).toBe(1);
    expect(await firstValueFrom(client.send('bubble.get', 1))).toBe(2);
  });

  it('that are durable are created once for each tenant', async () => {
    ContextIdFactory.apply(new PerTenant());
    closeAfterTest(async () => {
      ContextIdFactory.apply({ attach: (contextId) => () => contextId });
    });
    let created = 0;
    @Handles({ scope: Scope.REQUEST, durable: true })
    class Durable {
      readonly #number = ++created;

      constructor(@Inject(REQUEST) private readonly request: TenantRequest) {}

      @MessagePattern('durable.get')
      get() {
        return [this.#number, this.request.tenant];
      }
    }
    const { client } = await startWith(redis, { [kind]: [Durable] });
    const ask = (tenant: string) => firstValueFrom(client.send('durable.get', { tenant }));
    expect(await ask('a')).toEqual([1, 'a']);
    expect(await ask('b')).toEqual([2, 'b']);
    expect(await ask('a')).toEqual([1, 'a']);
  });

  it('reply with each value of a stream, and with the error that ends the stream', async () => {
    @Handles()
    class Streams {
      @MessagePattern('stream.numbers')
      numbers() {
        return from([1, 2, 3]);
      }

      @MessagePattern('stream.promised')
      async promised() {
        return of('a', 'b');
      }

      @MessagePattern('stream.empty')
      empty() {
        return EMPTY;
      }

      @MessagePattern('stream.broken')
      broken(): Observable<number> {
        return concat(
          of(1, 2),
          throwError(() => new RpcException('torn')),
        );
      }
    }
    const { client } = await startWith(redis, { [kind]: [Streams] });
    const all = (pattern: string) => firstValueFrom(client.send(pattern, 1).pipe(toArray()));
    expect(await all('stream.numbers')).toEqual([1, 2, 3]);
    expect(await all('stream.promised')).toEqual(['a', 'b']);
    expect(await all('stream.empty')).toEqual([]);
    const values: unknown[] = [];
    const failure = await new Promise((resolve) => {
      client.send('stream.broken', 1).subscribe({ next: (it) => values.push(it), error: resolve });
    });
    expect(values).toEqual([1, 2]);
    expect(failure).toEqual({ status: 'error', message: 'torn' });
  });

  it('run the stream that an event handler returns until it completes', async () => {
    const done: unknown[] = [];
    @Handles()
    class Streams {
      @EventPattern('stream.event')
      on(@Payload() data: unknown) {
        return concat(
          of(1),
          defer(() => {
            done.push(data);
            return EMPTY;
          }),
        );
      }
    }
    const { client } = await startWith(redis, { [kind]: [Streams] });
    expect(await firstValueFrom(client.emit('stream.event', 'x'))).toBe(1);
    await eventually(() => done.length === 1);
    expect(done).toEqual(['x']);
  });

  it('send an RpcException to the caller, and log every other error without sending its message', async () => {
    @Handles()
    class Failing {
      @MessagePattern('error.rpc')
      async rpc() {
        throw new RpcException({ code: 'E_STOCK', left: 0 });
      }

      @MessagePattern('error.secret')
      secret() {
        throw new Error('the password is 1234');
      }
    }
    const { client, log } = await startWith(redis, { [kind]: [Failing] });
    expect(await failureOf(firstValueFrom(client.send('error.rpc', 1)))).toEqual({
      code: 'E_STOCK',
      left: 0,
    });
    expect(log.of('error')).toEqual([]);
    expect(await failureOf(firstValueFrom(client.send('error.secret', 1)))).toEqual({
      status: 'error',
      message: 'Internal server error',
    });
    expect(log.of('error')).toEqual([expect.stringContaining('Error: the password is 1234')]);
  });

  it('log a failed event once, and receive the next event', async () => {
    const received: unknown[] = [];
    @Handles()
    class Failing {
      @EventPattern('error.event')
      async on(@Payload() data: unknown) {
        received.push(data);
        if (data === 'bad') throw new Error('cannot digest');
      }
    }
    const { client, log } = await startWith(redis, { [kind]: [Failing] });
    await firstValueFrom(client.emit('error.event', 'bad'));
    await eventually(() => log.of('error').length > 0);
    await firstValueFrom(client.emit('error.event', 'good'));
    await eventually(() => received.length === 2);
    expect(received).toEqual(['bad', 'good']);
    expect(log.of('error')).toEqual([expect.stringContaining('Error: cannot digest')]);
  });

  it('are found in base classes, and under each of several patterns of one method', async () => {
    class Base {
      @MessagePattern(['base.one', 'base.:two.x'])
      get(@Payload() data: unknown) {
        return [this.constructor.name, data];
      }
    }
    @Handles()
    class Derived extends Base {}
    const { client } = await startWith(redis, { [kind]: [Derived] });
    expect(await firstValueFrom(client.send('base.one', 1))).toEqual(['Derived', 1]);
    expect(await firstValueFrom(client.send('base.2.x', 2))).toEqual(['Derived', 2]);
  });
});
