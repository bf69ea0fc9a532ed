import { Controller, Injectable } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { firstValueFrom, lastValueFrom, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  RedisPubSubServer,
  RedisPubSubService,
  Subscribe,
  type PubSubMessage,
} from 'nestjs-redis-pubsub';
import { createClient, startService as startServer } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { startContext } from './apps.js';
import { startService } from './service-app.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const next = <T>(messages: Observable<PubSubMessage<T>>): Promise<PubSubMessage<T>> =>
  firstValueFrom(messages);

const line = (channel: string, sent: string, handled: string, sharded: boolean) =>
  `A message on "${channel}" had no subscriber: it was ${sent}, and the handler or observer in this process is ${handled}. Publish with sharded: ${sharded}, or change the handler`;

describe.runIf(HAS_SHARDED)(`sharded: true${IF_SHARDED}`, () => {
  const redis = useRedis();
  const shardSubscribers = async (channel: string): Promise<number> => {
    const [, count] = (await redis.client.call('PUBSUB', 'SHARDNUMSUB', channel)) as unknown[];
    return Number(count);
  };

  it('makes literal handlers receive SPUBLISH, and handlers with sharded: false receive PUBLISH', async () => {
    const received: string[] = [];
    @Injectable()
    class Handlers {
      @EventPattern<string>('a')
      onA() {
        received.push('a');
      }

      @EventPattern<string>('b', { sharded: false })
      onB() {
        received.push('b');
      }

      @EventPattern<string>('c.*', { sharded: false })
      onC() {
        received.push('c.*');
      }
    }
    const { log } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, sharded: true })],
      providers: [Handlers],
    });
    expect(log.of('log')).toEqual(
      expect.arrayContaining(['"a" → SSUBSCRIBE a', '"b" → SUBSCRIBE b', '"c.*" → PSUBSCRIBE c.*']),
    );
    for (const channel of ['a', 'b', 'c.1']) {
      await redis.client.publish(channel, '1');
      await redis.client.spublish(channel, '1');
    }
    await eventually(() => received.length === 3);
    expect(received.toSorted()).toEqual(['a', 'b', 'c.*']);
  });

  it('on one of two request handlers with the same pattern leaves classic requests to the other', async () => {
    @Controller()
    class Handlers {
      @MessagePattern('which', { sharded: true })
      inShard() {
        return 'shard';
      }

      @MessagePattern('which', { sharded: false })
      inChannel() {
        return 'channel';
      }
    }
    const { log } = await startServer(
      { module: class {}, controllers: [Handlers] },
      { connection: redis.url },
    );
    const client = createClient({ connection: redis.url });
    const ask = (isSharded: boolean): Promise<unknown> =>
      firstValueFrom(
        client.send('which', new RedisPubSubRecordBuilder({}).setSharded(isSharded).build()),
      );
    expect(await Promise.all([ask(true), ask(false)])).toEqual(['shard', 'channel']);
    expect(log.of('warn')).toEqual([]);
  });

  it('on one handler makes only that handler sharded', async () => {
    const received: string[] = [];
    @Controller()
    class Handlers {
      @EventPattern<string>('one', { sharded: true })
      onOne() {
        received.push('one');
      }
    }
    await startServer(
      { module: class Root {}, controllers: [Handlers] },
      { connection: redis.url },
    );
    expect(await redis.client.publish('one', '1')).toBe(0);
    expect(await redis.client.spublish('one', '1')).toBe(1);
    await eventually(() => received.length === 1);
  });

  it('with a glob pattern rejects the start, and the error names the pattern and the option', async () => {
    @Controller()
    class Handlers {
      @EventPattern<string>('user.*')
      onUser() {}
    }
    const root = { module: class Root {}, controllers: [Handlers] };
    await expect(startServer(root, { connection: redis.url, sharded: true })).rejects.toThrow(
      'Expected "sharded" to be false for the pattern "user.*", since Redis has no patterns for shard channels, got true',
    );
  });

  it('sends requests and replies over shard channels, and subscribes to no classic channel', async () => {
    @Controller()
    class Handlers {
      @MessagePattern('greet')
      greet(name: string) {
        return `Hello, ${name}`;
      }
    }
    await startServer(
      { module: class Root {}, controllers: [Handlers] },
      { connection: redis.url, sharded: true },
    );
    const client = createClient({ connection: redis.url, sharded: true });
    expect(await lastValueFrom(client.send('greet', 'Ada'))).toBe('Hello, Ada');
    expect(await redis.client.pubsub('CHANNELS', '*')).toEqual([]);
    await expect(lastValueFrom(client.send('nobody', 1))).rejects.toThrow(/No subscriber for/);
    // A single sharded request of a client whose default is classic.
    const other = createClient({ connection: redis.url });
    const record = new RedisPubSubRecordBuilder('Eve').setSharded().build();
    expect(await lastValueFrom(other.send('greet', record))).toBe('Hello, Eve');
  });

  it('is the default of the service, and sharded: false overrides it for one call', async () => {
    const { service } = await startService(redis, { sharded: true, prefix: 's:' });
    const [shard, classic] = [
      next(service.observe('x')),
      next(service.observe('x', { sharded: false })),
    ];
    await eventually(async () => (await shardSubscribers('s:x')) === 1);
    await redis.subscribers('s:x', 1);
    expect(await service.publish('x', 'to shard')).toBe(1);
    expect(await service.publish('x', 'to classic', { sharded: false })).toBe(1);
    expect([(await shard).data, (await classic).data]).toEqual(['to shard', 'to classic']);
    const held = await service.subscribe('y', () => undefined);
    expect(await service.channels('*')).toContain('y');
    expect(await service.subscriberCounts('y', 'z')).toEqual({ y: 1, z: 0 });
    held.unsubscribe();
  });

  it.skipIf(IN_MEMORY)(
    'on one call makes only that call sharded, over a connection opened for it',
    async () => {
      const { app, service } = await startService(redis);
      const server = app.get(RedisPubSubServer);
      const statuses: string[] = [];
      server.status.subscribe((status) => statuses.push(status));
      expect(server.unwrap<unknown[]>()).toHaveLength(2);
      const received: unknown[] = [];
      await service.subscribe('mine', ({ data }) => received.push(data), { sharded: true });
      expect(server.unwrap<unknown[]>()).toHaveLength(3);
      expect(await service.publish('mine', 1, { sharded: true })).toBe(1);
      await eventually(() => received.length === 1);
      expect(statuses).toEqual(['connected']);
    },
  );

  describe('of a message that this process has a handler of the other kind for', () => {
    it.each([false, true])(
      'is logged once for each channel, with batchPublishes: %s',
      async (batchPublishes) => {
        const options = { prefix: 'm:', batchPublishes, onStart: 'wait' as const };
        const { app, service, log } = await startService(redis, options);
        await service.subscribe('a', () => undefined, { sharded: true });
        await service.subscribe('b', () => undefined);
        const many = Array.from({ length: 40 }, () => service.publish('a', 1));
        expect(await Promise.all(many)).toEqual(many.map(() => 0));
        expect(await firstValueFrom(app.get(RedisPubSubClient).emit('a', 1))).toBe(0);
        expect(await service.publish('b', 1, { sharded: true })).toBe(0);
        expect(await service.publish('c', 1)).toBe(0);
        expect(await service.publish('c', 1, { sharded: true })).toBe(0);
        expect(log.of('warn')).toEqual([
          line('a', 'not sharded', 'sharded', true),
          line('b', 'sharded', 'not sharded', false),
        ]);
      },
    );

    it('is logged for a pattern, if it matches the channel', async () => {
      const { service, log } = await startService(redis, { sharded: true });
      await service.subscribePattern('p.:id', () => undefined, { sharded: false });
      for (const channel of ['p.1', 'p.1.x', 'q.1']) await service.publish(channel, 1);
      expect(log.of('warn')).toEqual([line('p.1', 'sharded', 'not sharded', false)]);
    });

    it('is logged for a handler', async () => {
      @Injectable()
      class Handlers {
        @Subscribe('a', { sharded: true })
        onA() {}
      }
      const { app, log } = await startContext({
        imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
        providers: [Handlers],
      });
      expect(await app.get(RedisPubSubService).publish('a', 1)).toBe(0);
      expect(log.of('warn')).toEqual([line('a', 'not sharded', 'sharded', true)]);
    });
  });

  it('is rejected with InvalidOptionError for observePattern and subscribePattern', async () => {
    const { service } = await startService(redis, { sharded: true });
    expect(() => service.observePattern('user.*')).toThrow(InvalidOptionError);
    await expect(service.subscribePattern('user.*', () => undefined)).rejects.toThrow(
      'Expected "sharded" to be false for the pattern "user.*"',
    );
    const seen = next(service.observePattern('user.*', { sharded: false }));
    await redis.patterns(1);
    await service.publish('user.1', 'classic', { sharded: false });
    expect((await seen).data).toBe('classic');
  });

  it.each([
    [{ sharded: 'yes' as never }, 'Expected "sharded" to be true or false, got "yes"'],
    [
      { sharded: true, replies: 'compat' as const },
      'Expected "sharded" to be false with replies: "compat", got true',
    ],
  ])('throws InvalidOptionError for %o', (options, message) => {
    expect(() => new RedisPubSubClient(options)).toThrow(message);
  });

  describe('with a server older than Redis 7.0', () => {
    it.skipIf(IN_MEMORY)(
      'rejects the start, and the error names the required and the actual version',
      async () => {
        const proxy = await startProxy(redis.port);
        const [, version = ''] =
          /redis_version:(\S+)/.exec(await redis.client.info('server')) ?? [];
        const older = `6${version.slice(1)}`;
        proxy.replace(`redis_version:${version}`, `redis_version:${older}`);
        const start = startContext({
          imports: [RedisPubSubModule.forRoot({ connection: proxy.url, sharded: true })],
        });
        await expect(start).rejects.toThrow(
          `sharded Pub/Sub needs Redis 7.0, this server is ${older}`,
        );
      },
    );
  });

  describe('with a server without the sharded commands', () => {
    const old = useRedis([
      '--rename-command',
      'SSUBSCRIBE',
      '',
      '--rename-command',
      'SPUBLISH',
      '',
    ]);

    it('rejects each sharded call, and the error names the required version', async () => {
      const { service } = await startService(old);
      const message = /"x": sharded Pub\/Sub needs Redis 7.0, and this server does not have it/;
      await expect(service.publish('x', 1, { sharded: true })).rejects.toThrow(message);
      await expect(service.subscribe('x', () => undefined, { sharded: true })).rejects.toThrow(
        message,
      );
      expect(await service.publish('x', 1)).toBe(0);
    });
  });
});
