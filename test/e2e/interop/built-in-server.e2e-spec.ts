import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxy,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  RedisContext,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { concat, firstValueFrom, from, lastValueFrom, of, throwError, toArray } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { RedisPubSubRecordBuilder, type RedisPubSubClient } from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen: unknown[] = [];
const LITERALS = ['built.event', 'built.echo', 'built.stream', 'built.fail', '{"cmd":"sum"}'];
const GLOBS = ['built.user.*', 'built.ask.*'];

/** Nest 12 replies on the channel of the request, also when a glob matched it. */
const isNest12 = 'setOnDispatchHook' in ClientProxy.prototype;

@Controller()
class Service {
  @EventPattern<string>('built.event')
  event(@Payload() data: unknown, @Ctx() context: RedisContext) {
    seen.push([context.getChannel(), data]);
  }

  @EventPattern<string>('built.user.*')
  glob(@Payload() data: unknown, @Ctx() context: RedisContext) {
    seen.push([context.getChannel(), data]);
  }

  @MessagePattern('built.echo')
  echo(@Payload() data: unknown, @Ctx() context: RedisContext) {
    const metadata: unknown = context.getArgByIndex(1);
    return metadata === undefined ? { data } : { data, metadata };
  }

  @MessagePattern('built.ask.*')
  ask(@Payload() data: unknown, @Ctx() context: RedisContext) {
    return [context.getChannel(), data];
  }

  @MessagePattern('built.stream')
  stream(@Payload() count: number) {
    return from(Array.from({ length: count }, (_, i) => i));
  }

  @MessagePattern('built.fail')
  fail(@Payload() kind: string) {
    if (kind === 'rpc') throw new RpcException({ code: 404 });
    if (kind === 'stream')
      return concat(
        of(1, 2),
        throwError(() => new RpcException('half way')),
      );
    throw new Error('the database has a secret');
  }

  @MessagePattern({ cmd: 'sum' })
  sum(@Payload() numbers: number[]) {
    return numbers.reduce((a, b) => a + b, 0);
  }
}

describe.each([{ wildcards: false }, { wildcards: true }])(
  'RedisPubSubClient with the built-in server (Transport.REDIS) with wildcards: $wildcards',
  ({ wildcards }) => {
    const redis = useRedis();

    beforeEach(async () => {
      seen.length = 0;
      const app = await NestFactory.createMicroservice(
        { module: class {}, controllers: [Service] },
        {
          transport: Transport.REDIS,
          options: { host: '127.0.0.1', port: redis.port, wildcards },
          logger: captureLog(),
        },
      );
      closeAfterTest(() => app.close());
      await app.listen();
      // The built-in server resolves listen() before it is subscribed.
      if (wildcards) await redis.patterns(LITERALS.length + GLOBS.length);
      else await Promise.all(LITERALS.map((channel) => redis.subscribers(channel, 1)));
    });

    const connect = (prefix = ''): RedisPubSubClient =>
      createClient({ connection: redis.url, replies: 'compat', requestTimeout: 20_000, prefix });

    const call = (pattern: unknown, data: unknown, client = connect()): Promise<unknown> =>
      lastValueFrom(client.send<unknown>(pattern, data));

    it('reaches the event handlers, and emits their number', async () => {
      const client = connect();
      expect(await firstValueFrom(client.emit('built.event', { data: 1, id: 2 }))).toBe(1);
      const receivers = await firstValueFrom(client.emit('built.user.created', [1]));
      expect(receivers).toBe(wildcards ? 1 : 0);
      await firstValueFrom(client.emit('built.event', 'last'));
      await eventually(() => seen.some((it) => String(it) === 'built.event,last'));
      expect(seen).toEqual([
        ['built.event', { data: 1, id: 2 }],
        ...(wildcards ? [['built.user.created', [1]]] : []),
        ['built.event', 'last'],
      ]);
    });

    it('gets the reply to a request', async () => {
      expect(await call('built.echo', { id: 'n1', data: { a: 1 } })).toEqual({
        data: { id: 'n1', data: { a: 1 } },
      });
      expect(await call({ cmd: 'sum' }, [1, 2, 3])).toBe(6);
    });

    it('gets the reply with a prefix, which is part of the pattern on the server', async () => {
      expect(await call('echo', 1, connect('built.'))).toEqual({ data: 1 });
    });

    it('gets the matching reply to each of 50 concurrent requests of two clients', async () => {
      const clients = [connect(), connect()];
      const numbers = Array.from({ length: 50 }, (_, i) => i);
      const replies = await Promise.all(
        numbers.map((i) => call('built.echo', i, clients[i % 2] ?? connect())),
      );
      expect(replies).toEqual(numbers.map((data) => ({ data })));
    });

    it.each([0, 1, 500])('gets all %i values of a stream in order', async (count) => {
      const values$ = connect().send<number>('built.stream', count).pipe(toArray());
      expect(await lastValueFrom(values$)).toEqual(Array.from({ length: count }, (_, i) => i));
    });

    it('gets the errors of handlers', async () => {
      await expect(call('built.fail', 'rpc')).rejects.toEqual({ code: 404 });
      await expect(call('built.fail', 'other')).rejects.toEqual({
        status: 'error',
        message: 'Internal server error',
      });
    });

    it('gets the values of a stream before its error', async () => {
      const values: unknown[] = [];
      const error = await new Promise((resolve, reject) => {
        connect()
          .send<unknown>('built.fail', 'stream')
          .subscribe({ next: (it) => values.push(it), error: resolve, complete: () => reject() });
      });
      expect(values).toEqual([1, 2]);
      expect(error).toEqual({ status: 'error', message: 'half way' });
    });

    it('unsubscribes the reply channel after the reply', async () => {
      const client = connect();
      await call('built.echo', 1, client);
      await redis.subscribers('built.echo.reply', 0);
      expect(await call('built.echo', 2, client)).toEqual({ data: 2 });
    });

    it.runIf(isNest12)('sends its headers as the metadata of the packet', async () => {
      const record = new RedisPubSubRecordBuilder(1).setHeader('trace', 't-1').build();
      expect(await call('built.echo', record)).toEqual({ data: 1, metadata: { trace: 't-1' } });
    });

    it.runIf(isNest12)(
      'gets the reply of the handler of a glob when wildcards are on',
      async () => {
        const outcome = call('built.ask.me', 1).catch((error: { code: string }) => error.code);
        expect(await outcome).toEqual(
          wildcards ? ['built.ask.me', 1] : 'ERR_PUBSUB_NO_SUBSCRIBERS',
        );
      },
    );
  },
);
