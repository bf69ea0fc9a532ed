import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  RedisPubSubContext,
  type Codec,
  type PubSubGap,
  type PubSubLoss,
  type PubSubMessage,
  type RedisPubSubModuleOptions,
  type TelemetryEvents,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService as startServer } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { startService, type ServiceApp } from './service-app.js';

/** What the handler of {@link Handlers} found. */
const ids: (string | undefined)[] = [];

@Controller()
class Handlers {
  @EventPattern('id.:name')
  onMessage(@Ctx() context: RedisPubSubContext): void {
    ids.push(context.getMessageId());
  }
}

/** A codec of a user: JSON that is turned round. */
const REVERSED: Codec = {
  encode: (value) => JSON.stringify(value).split('').toReversed().join(''),
  decode: (payload) =>
    JSON.parse(Buffer.from(payload).toString().split('').toReversed().join('')) as unknown,
};

/** The events "lost" from now on, until the end of the test. */
function lostEvents(): TelemetryEvents['lost'][] {
  const events: TelemetryEvents['lost'][] = [];
  const add = (event: unknown): void => void events.push(event as TelemetryEvents['lost']);
  subscribe('nestjs-redis-pubsub:lost', add);
  closeAfterTest(async () => void unsubscribe('nestjs-redis-pubsub:lost', add));
  return events;
}

/** What one observer received and lost, in its order. */
class Listener {
  readonly found: unknown[] = [];
  readonly messages: PubSubMessage[] = [];
  readonly losses: PubSubLoss[] = [];
  readonly gaps: PubSubGap[] = [];

  static async start({ service }: ServiceApp, pattern: string): Promise<Listener> {
    const listener = new Listener();
    const { onMessage, options } = listener;
    const subscription = pattern.includes('*')
      ? await service.subscribePattern(pattern, onMessage, { ...options, sharded: false })
      : await service.subscribe(pattern, onMessage, options);
    return Object.assign(listener, { stop: () => subscription.unsubscribe() });
  }

  declare readonly stop: () => void;

  readonly onMessage = (message: PubSubMessage): void => {
    this.messages.push(message);
    this.found.push(message.data);
  };

  readonly options = {
    onLost: (lost: PubSubLoss): void => {
      this.losses.push(lost);
      this.found.push(`lost ${lost.count}`);
    },
    onSubscribed: (gap?: PubSubGap): void => {
      if (gap) this.gaps.push(gap);
    },
  };

  async receives(data: unknown): Promise<void> {
    await eventually(() => this.found.includes(data));
  }
}

const onLost = (): void => {
  throw new Error('cannot reload');
};

describe('lost messages', () => {
  const redis = useRedis();

  /** A publisher, and a subscriber behind a proxy. */
  const start = async (options: RedisPubSubModuleOptions = {}) => {
    const proxy = await startProxy(redis.port);
    const publisher = await startService(redis, options);
    const subscriber = await startService(redis, { ...options, connection: proxy.url });
    const marks = await Listener.start(subscriber, 'marks');
    const send = (channel: string, data: unknown): Promise<number> =>
      publisher.service.publish(channel, data);
    /** Waits until the subscriber has received what was published before. */
    const settle = async (mark = randomUUID()): Promise<void> => {
      await send('marks', mark);
      await marks.receives(mark);
    };
    /** Publishes messages whose frames arrive under another name, which no subscription has. */
    const drop = async (channel: string, count: number): Promise<void> => {
      await settle();
      proxy.replace(`\r\n${channel}\r\n`, `\r\n${'~'.repeat(channel.length)}\r\n`);
      for (let i = 0; i < count; i++) await send(channel, `dropped ${i}`);
      await settle();
      proxy.replace('-', '-');
    };
    /** Publishes messages while the subscriber has no connection. */
    const miss = async (listener: Listener, publish: () => Promise<unknown>): Promise<void> => {
      const gaps = listener.gaps.length;
      await proxy.stop();
      await publish();
      await proxy.start();
      await eventually(() => listener.gaps.length > gaps);
    };
    return { subscriber, send, settle, drop, miss };
  };

  it('are told before the message that shows them, although no connection was lost', async () => {
    const events = lostEvents();
    const { subscriber, send, drop } = await start({ prefix: '' });
    const listener = await Listener.start(subscriber, 'loss.a');
    await send('loss.a', 'first');
    await listener.receives('first');
    await drop('loss.a', 3);
    await send('loss.a', 'last');
    await listener.receives('last');
    expect(listener.found).toEqual(['first', 'lost 3', 'last']);
    const publisher = listener.messages[0]?.id?.split('.')[0];
    const lost = { channel: 'loss.a', publisher, count: 3, duringGap: false };
    expect(listener.losses).toEqual([lost]);
    const transport = 'redis-pubsub';
    expect(events).toEqual([{ transport, ...lost, subscription: 'loss.a' }]);
  });

  it('have no id that is no line of visible text', async () => {
    const { subscriber } = await start();
    const listener = await Listener.start(subscriber, 'loss.odd');
    for (const mid of ['a b-1', 'a\ndata: b-1', 'p.1-1']) {
      const packet = JSON.stringify({ pattern: 'loss.odd', data: mid, mid });
      await redis.client.publish('loss.odd', packet);
    }
    await listener.receives('p.1-1');
    expect(listener.messages.map(({ id }) => id)).toEqual([undefined, undefined, 'p.1-1']);
  });

  it('are told to each of several subscriptions, and once for each gap', async () => {
    const { subscriber, send, miss } = await start({ prefix: 'shop:' });
    const literal = await Listener.start(subscriber, 'loss.b');
    const second = await Listener.start(subscriber, 'loss.b');
    const glob = await Listener.start(subscriber, 'loss.*');
    const all = [literal, second, glob];
    await send('loss.b', 'first');
    for (const it of all) await it.receives('first');
    for (const round of [1, 2]) {
      await miss(glob, () => Promise.all([send('loss.b', 'missed'), send('loss.b', 'missed')]));
      await eventually(() => literal.gaps.length === round);
      await send('loss.b', `after ${round}`);
      for (const it of all) await it.receives(`after ${round}`);
    }
    const expected = ['first', 'lost 2', 'after 1', 'lost 2', 'after 2'];
    for (const { found, losses } of all) {
      expect(found).toEqual(expected);
      expect(losses.map(({ channel, duringGap }) => [channel, duringGap])).toEqual([
        ['loss.b', true],
        ['loss.b', true],
      ]);
    }
  });

  it('are none for an observer that began after them, though its subscription is older', async () => {
    const { subscriber, send, drop } = await start();
    const older = await Listener.start(subscriber, 'loss.c');
    await send('loss.c', 'first');
    await older.receives('first');
    await drop('loss.c', 2);
    const newer = await Listener.start(subscriber, 'loss.c');
    await send('loss.c', 'second');
    await newer.receives('second');
    await drop('loss.c', 1);
    await send('loss.c', 'third');
    await newer.receives('third');
    expect(older.found).toEqual(['first', 'lost 2', 'second', 'lost 1', 'third']);
    expect(newer.found).toEqual(['second', 'lost 1', 'third']);
  });

  it('are none while a channel had no observer', async () => {
    const { subscriber, send, settle } = await start();
    const before = await Listener.start(subscriber, 'loss.d');
    await send('loss.d', 1);
    await before.receives(1);
    before.stop();
    // The subscription is kept for a moment.
    await send('loss.d', 2);
    await settle();
    const soon = await Listener.start(subscriber, 'loss.d');
    await send('loss.d', 3);
    await soon.receives(3);
    soon.stop();
    await redis.subscribers('loss.d', 0);
    await send('loss.d', 4);
    const later = await Listener.start(subscriber, 'loss.d');
    await send('loss.d', 5);
    await later.receives(5);
    expect([before.found, soon.found, later.found]).toEqual([[1], [3], [5]]);
  });

  it('include those that were in flight when the publisher lost its connection', async () => {
    const proxy = await startProxy(redis.port);
    const { service } = await startService(redis, { connection: proxy.url });
    const listener = await Listener.start(await startService(redis), 'loss.e');
    await service.publish('loss.e', 'first');
    await listener.receives('first');
    proxy.swallow(['toServer']);
    const outcome = service.publish('loss.e', 'in flight').catch((error: Error) => error.message);
    proxy.forward();
    proxy.cut();
    expect(await outcome).toContain('lost before Redis confirmed');
    await service.publish('loss.e', 'last');
    await listener.receives('last');
    expect(listener.found).toEqual(['first', 'lost 1', 'last']);
  });

  it('are none where the publish buffer was full, or a message waited too long in it', async () => {
    const proxy = await startProxy(redis.port);
    const publishBuffer = { maxMessages: 2, maxAge: 300 };
    const { service, becomes } = await startService(redis, {
      connection: proxy.url,
      publishBuffer,
    });
    const listener = await Listener.start(await startService(redis), 'loss.f');
    await service.publish('loss.f', 'first');
    await proxy.stop();
    await becomes('reconnecting');
    const expired = [1, 2, 3].map((it) => service.publish('loss.f', it).catch(() => 'failed'));
    expect(await Promise.all(expired)).toEqual(['failed', 'failed', 'failed']);
    await proxy.start();
    await becomes('connected');
    await service.publish('loss.f', 'last');
    await listener.receives('last');
    expect(listener.found).toEqual(['first', 'last']);
  });

  it.each([false, true])(
    'are none after messages waited in the publish buffer, with batchPublishes: %s',
    async (batchPublishes) => {
      const proxy = await startProxy(redis.port);
      const publishBuffer = { maxMessages: 100, maxAge: 60_000 };
      const options = { connection: proxy.url, publishBuffer, batchPublishes };
      const { service, becomes } = await startService(redis, options);
      const listener = await Listener.start(await startService(redis), 'loss.g');
      await service.publish('loss.g', 'first');
      await proxy.stop();
      await becomes('reconnecting');
      const sent = Array.from({ length: 100 }, (_, i) => service.publish('loss.g', i));
      const refused = service.publish('loss.g', 'refused').catch(() => 'failed');
      expect(await refused).toBe('failed');
      await proxy.start();
      await Promise.all(sent);
      await service.publish('loss.g', 'last');
      await listener.receives('last');
      expect(listener.found).toEqual(['first', ...sent.keys(), 'last']);
    },
  );

  it('are none where Redis refused a message', async () => {
    const url = redis.url.replace('redis://', 'redis://writer:secret@');
    const setUser = (...rules: string[]) =>
      redis.client.call('ACL', 'SETUSER', 'writer', 'on', '>secret', '~*', '+@all', ...rules);
    await setUser('allchannels');
    // Subscriptions of a user are cut when their channels are taken away.
    const client = createClient({ connection: url });
    const emit = (data: unknown) => firstValueFrom(client.emit('loss.h', data));
    const listener = await Listener.start(await startService(redis), 'loss.h');
    await emit('first');
    await setUser('resetchannels', '&_pubsub.*');
    await expect(emit('refused')).rejects.toThrow('refused');
    await setUser('allchannels');
    await emit('last');
    await emit('more');
    await listener.receives('more');
    expect(listener.found).toEqual(['first', 'last', 'more']);
    const streams = listener.messages.map(({ id }) => id?.split('-').at(-2)?.split('.')[1]);
    expect(streams).toEqual(['1', '2', '2']);
  });

  it('are none where the subscriber dropped a message that is too large', async () => {
    const { service } = await startService(redis);
    const subscriber = await startService(redis, { maxPayloadBytes: 150 });
    const listener = await Listener.start(subscriber, 'loss.i');
    for (const data of ['first', 'x'.repeat(200), 'last']) await service.publish('loss.i', data);
    await listener.receives('last');
    expect(listener.found).toEqual(['first', 'last']);
  });

  it.each<[string, RedisPubSubModuleOptions]>([
    ['a burst', {}],
    ['a burst in one script', { batchPublishes: true }],
    ['a burst to a shard channel', { sharded: true }],
    ['a burst with a codec of the user', { codec: REVERSED }],
    ['a burst with such a codec in one script', { codec: REVERSED, batchPublishes: true }],
  ])('are counted exactly in %s', async (_, options) => {
    const { subscriber, send, miss } = await start(options);
    const listener = await Listener.start(subscriber, 'loss.j');
    const burst = (from: number): Promise<unknown> =>
      Promise.all(Array.from({ length: 200 }, (_, i) => send('loss.j', from + i)));
    await burst(0);
    await listener.receives(199);
    await miss(listener, () => burst(200));
    await burst(400);
    await listener.receives(599);
    const all = [...Array(600).keys()];
    expect(listener.found).toEqual([...all.slice(0, 200), 'lost 200', ...all.slice(400)]);
    expect(new Set(listener.messages.map(({ id }) => id)).size).toBe(400);
  });

  it('are counted for a message in the publish buffer of an own codec, which has no id', async () => {
    const proxy = await startProxy(redis.port);
    const options = { connection: proxy.url, codec: REVERSED };
    const { service, becomes } = await startService(redis, options);
    const listener = await Listener.start(await startService(redis, { codec: REVERSED }), 'loss.k');
    await service.publish('loss.k', 'first');
    await proxy.stop();
    await becomes('reconnecting');
    const waiting = service.publish('loss.k', 'waiting');
    await proxy.start();
    await waiting;
    await service.publish('loss.k', 'last');
    await listener.receives('last');
    expect(listener.found).toEqual(['first', 'waiting', 'last']);
    expect(listener.messages.map(({ id }) => id?.split('-').at(-1))).toEqual(['1', undefined, '2']);
  });

  it('are neither counted nor numbered with messageIds: false', async () => {
    const events = lostEvents();
    const { subscriber, send, drop } = await start({ messageIds: false });
    const listener = await Listener.start(subscriber, 'loss.l');
    await send('loss.l', 'first');
    await drop('loss.l', 3);
    await send('loss.l', 'last');
    await listener.receives('last');
    expect(listener.found).toEqual(['first', 'last']);
    expect([listener.messages[0]?.id, events]).toEqual([undefined, []]);
  });

  it('are not counted of a publisher without ids', async () => {
    const { subscriber, drop } = await start();
    const listener = await Listener.start(subscriber, 'loss.m');
    await redis.client.publish('loss.m', '{"pattern":"loss.m","data":"first"}');
    await drop('loss.m', 1);
    await redis.client.publish('loss.m', '{"pattern":"loss.m","data":"last"}');
    await listener.receives('last');
    expect(listener.found).toEqual(['first', 'last']);
  });

  it('log an error of onLost, and refuse one that is no function', async () => {
    const { subscriber, send, drop } = await start();
    const { service, log } = subscriber;
    const found: unknown[] = [];
    await service.subscribe('loss.n', ({ data }) => found.push(data), { onLost });
    await send('loss.n', 'first');
    await eventually(() => found.length === 1);
    await drop('loss.n', 1);
    await send('loss.n', 'last');
    await eventually(() => found.length === 2);
    await eventually(() => log.of('error').length > 0);
    expect(log.of('error')).toEqual([
      expect.stringMatching(/^onLost of "loss\.n" failed: .*cannot reload/),
    ]);
    const wrong = { onLost: 'x' as unknown as () => void };
    expect(() => service.observe('loss.n', wrong)).toThrow(InvalidOptionError);
  });
});

describe('a message id', () => {
  const redis = useRedis();

  it('is the same for handlers and observers, and another one for each message', async () => {
    ids.length = 0;
    await startServer({ module: class {}, controllers: [Handlers] }, { connection: redis.url });
    const { service } = await startService(redis);
    const listener = await Listener.start(await startService(redis), 'id.a');
    const client = createClient({ connection: redis.url });
    await Promise.all([1, 2, 3].map((it) => service.publish('id.a', it)));
    await firstValueFrom(client.emit('id.a', 4));
    await redis.client.publish('id.a', '5');
    await listener.receives(5);
    await eventually(() => ids.length === 5);
    expect(listener.messages.map(({ id }) => id)).toEqual(ids);
    expect(ids[4]).toBeUndefined();
    const [one, other] = [ids[0]?.split('.')[0], ids[3]?.split('.')[0]];
    expect(ids.slice(0, 4)).toEqual([`${one}.1-1`, `${one}.1-2`, `${one}.1-3`, `${other}.1-1`]);
    expect(one).not.toBe(other);
  });
});
