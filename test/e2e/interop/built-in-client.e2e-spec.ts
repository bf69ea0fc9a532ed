import { Controller } from '@nestjs/common';
import {
  ClientProxy,
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RpcException,
  Transport,
  type ReadPacket,
} from '@nestjs/microservices';
import { concat, EMPTY, from, lastValueFrom, of, throwError, toArray } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { ChannelParam, MessageHeader, RedisPubSubContext } from 'nestjs-redis-pubsub';
import { closeAfterTest, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen: unknown[] = [];

/** Nest sends metadata in its packets since the version that has this hook. */
const hasMetadata = 'setOnDispatchHook' in ClientProxy.prototype;

@Controller()
class Service {
  @EventPattern<string>('nest.user.created')
  literal(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push(['literal', context.getChannel(), data]);
  }

  @EventPattern<string>('nest.user.*')
  glob(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push(['glob', context.getChannel(), data]);
  }

  @EventPattern<string>('nest.:kind.created')
  param(@Payload() data: unknown, @ChannelParam('kind') kind: string) {
    seen.push(['param', kind, data]);
  }

  @EventPattern<{ topic: string; v: number }>({ v: 2, topic: 'a*' })
  object(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push(['object', context.getChannel(), data]);
  }

  @EventPattern<string>('nest.headers')
  headers(@MessageHeader('trace') trace: string, @Ctx() context: RedisPubSubContext) {
    seen.push(['headers', trace, context.getHeaders()]);
  }

  @MessagePattern('rpc.*')
  call(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push(['rpc', context.getChannel(), data]);
    return { echo: data };
  }

  @MessagePattern({ cmd: 'sum' })
  sum(@Payload() numbers: number[]) {
    return numbers.reduce((a, b) => a + b, 0);
  }

  @MessagePattern('stream')
  stream(@Payload() count: number) {
    return from(Array.from({ length: count }, (_, i) => i));
  }

  @MessagePattern('answer')
  answer(@Payload() kind: string) {
    if (kind === 'null') return null;
    return kind === 'nothing' ? undefined : EMPTY;
  }

  @MessagePattern('fail')
  fail(@Payload() kind: string) {
    if (kind === 'text') throw new RpcException('no such user');
    if (kind === 'object') throw new RpcException({ code: 404, detail: 'no such user' });
    if (kind === 'stream')
      return concat(
        of(1, 2),
        throwError(() => new RpcException('half way')),
      );
    throw new Error('the database has a secret');
  }
}

const emit = (client: ClientProxy, pattern: unknown, data: unknown) =>
  lastValueFrom(client.emit(pattern, data), { defaultValue: undefined });

const call = (client: ClientProxy, pattern: unknown, data: unknown): Promise<unknown> =>
  lastValueFrom(client.send<unknown>(pattern, data), { defaultValue: 'nothing' });

describe.each([{ wildcards: false }, { wildcards: true }])(
  'the built-in client (Transport.REDIS) with wildcards: $wildcards',
  ({ wildcards }) => {
    const redis = useRedis();

    beforeEach(() => {
      seen.length = 0;
    });

    const start = (prefix = '') =>
      startService(
        { module: class {}, controllers: [Service] },
        { connection: redis.url, prefix, transportId: Transport.REDIS },
      );

    const createBuiltInClient = (): ClientProxy => {
      const client = ClientProxyFactory.create({
        transport: Transport.REDIS,
        options: { host: '127.0.0.1', port: redis.port, wildcards },
      });
      closeAfterTest(async () => client.close());
      return client;
    };

    it('reaches literal, glob and parameter handlers with an event, once each', async () => {
      await start();
      const client = createBuiltInClient();
      await emit(client, 'nest.user.created', { id: 'n1', data: { a: 1 }, pattern: 'x' });
      await emit(client, 'nest.user.deleted', 7);
      await eventually(() => seen.length >= 4);
      const data = { id: 'n1', data: { a: 1 }, pattern: 'x' };
      expect(seen.toSorted()).toEqual([
        ['glob', 'nest.user.created', data],
        ['glob', 'nest.user.deleted', 7],
        ['literal', 'nest.user.created', data],
        ['param', 'user', data],
      ]);
    });

    it('reaches the handlers of a server with a prefix by the whole channel name', async () => {
      await start('shop:');
      const client = createBuiltInClient();
      await emit(client, 'shop:nest.user.created', { id: 1 });
      await eventually(() => seen.length >= 3);
      expect(seen.toSorted()).toEqual([
        ['glob', 'nest.user.created', { id: 1 }],
        ['literal', 'nest.user.created', { id: 1 }],
        ['param', 'user', { id: 1 }],
      ]);
      expect(await call(client, 'shop:rpc.get', 1)).toEqual({ echo: 1 });
    });

    it('reaches the handler of an object pattern, which is a literal channel', async () => {
      await start();
      const client = createBuiltInClient();
      await emit(client, { topic: 'abc', v: 2 }, 'not for it');
      await emit(client, { topic: 'a*', v: 2 }, 'for it');
      await eventually(() => seen.length > 0);
      expect(seen).toEqual([['object', '{"topic":"a*","v":2}', 'for it']]);
      expect(await call(client, { cmd: 'sum' }, [1, 2, 3])).toBe(6);
    });

    it('gets one reply, and the handler of a glob runs once although the glob matches the reply channel', async () => {
      await start();
      const client = createBuiltInClient();
      const replies = client.send<unknown>('rpc.get', { id: 42 }).pipe(toArray());
      expect(await lastValueFrom(replies)).toEqual([{ echo: { id: 42 } }]);
      expect(await call(client, 'rpc.last', 'end')).toEqual({ echo: 'end' });
      expect(seen).toEqual([
        ['rpc', 'rpc.get', { id: 42 }],
        ['rpc', 'rpc.last', 'end'],
      ]);
    });

    it('gets the matching reply to each of 50 concurrent requests', async () => {
      await start();
      const client = createBuiltInClient();
      const numbers = Array.from({ length: 50 }, (_, i) => i);
      const replies = await Promise.all(numbers.map((i) => call(client, 'rpc.many', i)));
      expect(replies).toEqual(numbers.map((echo) => ({ echo })));
      expect(seen).toHaveLength(50);
    });

    it.each([0, 1, 500])('gets all %i values of a stream in order', async (count) => {
      await start();
      const values$ = createBuiltInClient().send<number>('stream', count).pipe(toArray());
      expect(await lastValueFrom(values$)).toEqual(Array.from({ length: count }, (_, i) => i));
    });

    it('gets null as a value, and completes when the handler returns no value', async () => {
      await start();
      const client = createBuiltInClient();
      expect(await call(client, 'answer', 'null')).toBeNull();
      expect(await call(client, 'answer', 'nothing')).toBe('nothing');
      expect(await call(client, 'answer', 'empty')).toBe('nothing');
    });

    it('gets the errors of handlers as from the built-in server', async () => {
      await start();
      const client = createBuiltInClient();
      const failure = (kind: string) =>
        call(client, 'fail', kind).then(
          (value: unknown) => ({ value }),
          (error: unknown) => ({ error }),
        );
      expect(await failure('text')).toEqual({
        error: { status: 'error', message: 'no such user' },
      });
      expect(await failure('object')).toEqual({ error: { code: 404, detail: 'no such user' } });
      expect(await failure('other')).toEqual({
        error: { status: 'error', message: 'Internal server error' },
      });
    });

    it('gets the values of a stream before its error', async () => {
      await start();
      const values: unknown[] = [];
      const error = await new Promise((resolve, reject) => {
        createBuiltInClient()
          .send<unknown>('fail', 'stream')
          .subscribe({ next: (it) => values.push(it), error: resolve, complete: () => reject() });
      });
      expect(values).toEqual([1, 2]);
      expect(error).toEqual({ status: 'error', message: 'half way' });
    });

    it.runIf(hasMetadata)('sends its metadata, which handlers receive as headers', async () => {
      await start();
      const client = createBuiltInClient();
      client.setOnDispatchHook((packet: ReadPacket) => {
        packet.metadata = { trace: 't-1' };
      });
      await emit(client, 'nest.headers', 1);
      await eventually(() => seen.length > 0);
      expect(seen).toEqual([['headers', 't-1', { trace: 't-1' }]]);
    });
  },
);
