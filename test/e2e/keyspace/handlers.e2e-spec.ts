import {
  Controller,
  Injectable,
  ParseIntPipe,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import {
  Key,
  KeyEvent,
  KeyNotification,
  KeyParam,
  OnHashField,
  OnKey,
  OnKeyEvent,
  REDIS_PUBSUB,
  RedisPubSubContext,
  RedisPubSubModule,
  RedisPubSubServer,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import type { Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';
import { failureOf, startContext } from '../module/apps.js';

const redis = useRedis([]);

beforeEach(() => redis.client.config('SET', 'notify-keyspace-events', 'AKE'));

const start = (type: Type, options: RedisPubSubModuleOptions = {}) =>
  startContext({
    imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...options })],
    providers: [type],
  });

describe('a handler of keys', () => {
  it('of an event receives each key that its pattern matches once, and its parameters', async () => {
    const heard: string[] = [];
    @Injectable()
    class Sessions {
      @OnKeyEvent('expired', 'session::id')
      onExpired(@Key() key: string, @KeyParam('id') id: string, @KeyEvent() event: string) {
        heard.push(`${event} ${key} ${id}`);
      }
    }
    await start(Sessions);
    const ids = Array.from({ length: 100 }, (_, i) => String(i));
    for (const id of ids) await redis.client.set(`session:${id}`, 1, 'PX', 20);
    await redis.client.set('other:1', 1, 'PX', 1);
    await redis.client.set('session:1:x', 1, 'PX', 1);
    await eventually(() => heard.length >= 100);
    await redis.client.set('session:last', 1, 'PX', 1);
    await eventually(() => heard.includes('expired session:last last'));
    expect(heard.toSorted()).toEqual(
      [...ids, 'last'].map((id) => `expired session:${id} ${id}`).toSorted(),
    );
  });

  it('of an event with a pattern subscribes to one literal channel, and no pattern', async () => {
    @Injectable()
    class Sessions {
      @OnKeyEvent('expired', 'session:*')
      onExpired() {}
    }
    await start(Sessions);
    expect(await redis.client.pubsub('NUMSUB', '__keyevent@0__:expired')).toEqual([
      '__keyevent@0__:expired',
      1,
    ]);
    expect(await redis.client.pubsub('NUMPAT')).toBe(0);
  });

  it('of several events is called for each of them', async () => {
    const heard: string[] = [];
    @Injectable()
    class Keys {
      @OnKeyEvent(['set', 'del', 'set'], 'several')
      onEvent(@KeyEvent() event: string) {
        heard.push(event);
      }
    }
    await start(Keys);
    await redis.client.set('several', 1);
    await redis.client.del('several');
    await eventually(() => heard.length === 2);
    expect(heard).toEqual(['set', 'del']);
  });

  it('of a pattern of keys receives the events that it names, and no others', async () => {
    const heard: string[] = [];
    @Injectable()
    class Users {
      @OnKey('user::id', { events: ['set', 'del'] })
      onUser(@KeyEvent() event: string, @KeyParam('id', ParseIntPipe) id: number) {
        heard.push(`${event} ${id + 1}`);
      }
    }
    await start(Users);
    await redis.client.set('user:7', 1);
    await redis.client.expire('user:7', 100);
    await redis.client.append('user:7', '1');
    await redis.client.del('user:7');
    await eventually(() => heard.length >= 2);
    expect(heard).toEqual(['set 8', 'del 8']);
  });

  it('of a literal key subscribes to one channel, and receives all its events', async () => {
    const heard: string[] = [];
    @Injectable()
    class Config {
      @OnKey('config')
      onConfig(notification: KeyNotification) {
        heard.push(`${notification.key} ${notification.event} ${notification.database}`);
      }
    }
    await start(Config);
    expect(await redis.client.pubsub('NUMPAT')).toBe(0);
    await redis.client.hset('config', 'a', 1);
    await redis.client.hset('configuration', 'a', 1);
    await redis.client.del('config');
    await eventually(() => heard.length >= 2);
    expect(heard).toEqual(['config hset 0', 'config del 0']);
  });

  it('of a database receives the events of that database alone', async () => {
    const heard: string[] = [];
    @Injectable()
    class Keys {
      @OnKeyEvent('set', 'db', { database: 3 })
      onSet({ key, database }: KeyNotification) {
        heard.push(`${key} ${database}`);
      }
    }
    await start(Keys);
    await redis.client.set('db', 1);
    const other = redis.client.duplicate({ db: 3 });
    await other.set('db', 1);
    other.disconnect();
    await eventually(() => heard.length >= 1);
    expect(heard).toEqual(['db 3']);
  });

  it('gives the text and the bytes of a key that is not text', async () => {
    const heard: { key: string; bytes: string; event: string }[] = [];
    @Injectable()
    class Keys {
      @OnKeyEvent('set', 'bin:?')
      onSet({ key, keyBytes, event }: KeyNotification) {
        heard.push({ key, bytes: keyBytes.toString('hex'), event });
      }

      @OnKey('bin::id', { events: ['del'] })
      onKey(@Payload() { keyBytes, event }: KeyNotification, @Key() key: string) {
        heard.push({ key, bytes: keyBytes.toString('hex'), event });
      }
    }
    await start(Keys);
    const key = Buffer.concat([Buffer.from('bin:'), Buffer.of(0xff)]);
    await redis.client.set(key, 1);
    await redis.client.del(key);
    await redis.client.set('bin:ü', 1);
    await redis.client.set('bin:u', 1);
    await eventually(() => heard.length >= 3);
    expect(heard).toEqual([
      { key: 'bin:\uFFFD', bytes: '62696e3aff', event: 'set' },
      { key: 'bin:\uFFFD', bytes: '62696e3aff', event: 'del' },
      { key: 'bin:u', bytes: '62696e3a75', event: 'set' },
    ]);
  });

  it('is not under the prefix of the module, and never reads a key as JSON', async () => {
    const heard: unknown[] = [];
    @Injectable()
    class Keys {
      @OnKeyEvent('set', '{*')
      onSet(@Key() key: string, @Ctx() context: RedisPubSubContext) {
        heard.push(key, context.getChannel(), context.getPattern());
      }
    }
    await start(Keys, { prefix: 'staging:', codec: 'json' });
    await redis.client.set('{"a":1}', 1);
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['{"a":1}', '__keyevent@0__:set', '{*']);
  });

  it('has guards, pipes and interceptors in a controller as event handlers have', async () => {
    const heard: string[] = [];
    const guarded: unknown[] = [];
    @Injectable()
    class OnlyEven implements CanActivate {
      canActivate(context: ExecutionContext) {
        const { params, key } = context.switchToRpc().getData<KeyNotification>();
        guarded.push(key);
        return Number(params['id']) % 2 === 0;
      }
    }
    @Injectable()
    class Note implements NestInterceptor {
      intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
        heard.push('before');
        return next.handle();
      }
    }
    @Controller()
    class Keys {
      @OnKeyEvent('set', 'guarded::id')
      @UseGuards(OnlyEven)
      @UseInterceptors(Note)
      onSet(@KeyParam('id', ParseIntPipe) id: number) {
        heard.push(`id ${id}`);
      }
    }
    await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      controllers: [Keys],
    });
    for (const id of [1, 2, 3, 4]) await redis.client.set(`guarded:${id}`, 1);
    await eventually(() => guarded.length === 4 && heard.length >= 4);
    expect(heard).toEqual(['before', 'id 2', 'before', 'id 4']);
  });

  it('works with a server of the application, whose deserializer sees no notification', async () => {
    const heard: string[] = [];
    const seen: unknown[] = [];
    @Controller()
    class Keys {
      @OnKeyEvent('set', 'served', { transportId: REDIS_PUBSUB })
      onSet(@Key() key: string) {
        heard.push(key);
      }
    }
    const deserializer = {
      deserialize: (value: unknown) => {
        seen.push(value);
        return value as never;
      },
    };
    const { server } = await startService(
      { module: class Root {}, controllers: [Keys] },
      { connection: redis.url, deserializer },
    );
    expect(server).toBeInstanceOf(RedisPubSubServer);
    await redis.client.set('served', 1);
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['served']);
    expect(seen).toEqual([]);
  });

  it('with an order handles the notifications of one key one after the other', async () => {
    const running = new Set<string>();
    const overlaps: string[] = [];
    let handled = 0;
    @Injectable()
    class Keys {
      @OnKeyEvent('set', 'ordered:*', { order: 'key' })
      async onSet(@Key() key: string) {
        if (running.has(key)) overlaps.push(key);
        running.add(key);
        await redis.client.ping();
        running.delete(key);
        handled++;
      }
    }
    await start(Keys);
    for (let i = 0; i < 40; i++) await redis.client.set(`ordered:${i % 4}`, i);
    await eventually(() => handled === 40);
    expect(overlaps).toEqual([]);
  });

  it('works beside sharded channels, without a warning', async () => {
    const heard: string[] = [];
    @Injectable()
    class Keys {
      @OnKeyEvent('set', 'beside')
      onSet(@Key() key: string) {
        heard.push(key);
      }
    }
    const { log } = await start(Keys, { sharded: HAS_SHARDED });
    await redis.client.set('beside', 1);
    await eventually(() => heard.length > 0);
    expect(log.of('warn')).toEqual([]);
  });

  it('drops a notification that is larger than maxPayloadBytes', async () => {
    const heard: string[] = [];
    @Injectable()
    class Keys {
      @OnKeyEvent('set', 'size:*')
      onSet(@Key() key: string) {
        heard.push(key);
      }
    }
    const { log } = await start(Keys, { maxPayloadBytes: 10 });
    await redis.client.set('size:too-large', 1);
    await redis.client.set('size:small', 1);
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['size:small']);
    expect(log.of('error').join()).toContain('Dropped a message on "__keyevent@0__:set"');
  });

  it('tells the time in which it may have missed events, after an outage', async () => {
    const heard: string[] = [];
    @Injectable()
    class Keys {
      @OnKeyEvent('set', 'gap')
      onSet(@Key() key: string) {
        heard.push(key);
      }
    }
    const { app } = await start(Keys);
    const gaps: string[] = [];
    app.get(RedisPubSubServer).gaps.subscribe(({ pattern }) => gaps.push(pattern));
    await redis.killConnections();
    await eventually(() => gaps.length === 1);
    await redis.client.set('gap', 1);
    await eventually(() => heard.length === 1);
    expect(gaps).toEqual(['gap']);
  });

  it.each([
    ['pattern', () => OnKey(''), 'Expected "pattern" to be a key or a pattern of keys, got ""'],
    [
      'event',
      () => OnKeyEvent('exp*'),
      'Expected "event" to be the name of an event, such as "expired", got "exp*"',
    ],
    [
      'events',
      () => OnKey('a', { events: [] }),
      'Expected "events" to be an array of events, such as ["set", "del"], got an empty array',
    ],
    [
      'database',
      () => OnKey('a', { database: -1 }),
      'Expected "database" to be the number of a database, from 0, got -1',
    ],
    [
      'order',
      () => OnKey('a', { order: 'channel' as never }),
      'Expected "order" to be "key", got "channel"',
    ],
    [
      'sharded',
      () => OnKey('a', { sharded: true } as never),
      'Expected "sharded" to be absent, since the notifications of keys have no shard channels, got true',
    ],
    [
      'field',
      () => OnHashField('a', undefined as never),
      'Expected "field" to be the name or the glob of a field, got undefined',
    ],
    ['options', () => OnKey('a', 1 as never), 'Expected "options" to be an object, got 1'],
    [
      'name',
      () => OnKey('a', { event: ['set'] } as never),
      'Unknown handler option "event": did you mean "events"? There are database, order, transportId, events',
    ],
    [
      'place of the events',
      () => OnKeyEvent('set', 'a', { events: ['set'] } as never),
      'Expected "events" to be absent: the event is the first argument, got an array',
    ],
    [
      'concurrency',
      () => OnKey('a', { concurrency: 0 }),
      'Expected "concurrency" to be an integer ≥ 1, got 0',
    ],
  ])(
    'with a wrong %s fails the start with an error that names it and the method',
    async (_, decorate, message) => {
      class Wrong {
        onKey() {}
      }
      decorate()(
        Wrong.prototype,
        'onKey',
        Object.getOwnPropertyDescriptor(Wrong.prototype, 'onKey')!,
      );
      Injectable()(Wrong);
      const error = await failureOf(start(Wrong));
      expect(error.message).toBe(`${message} (in the decorator of Wrong.onKey)`);
    },
  );
});
