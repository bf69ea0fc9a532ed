import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  type Codec,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { IN_MEMORY } from '../../support/in-memory.js';
import { createClient } from '../../support/app.js';
import { failureOf } from '../module/apps.js';
import { startService, type ServiceApp } from '../module/service-app.js';

const LIMITS = { size: 5, ttl: 60_000 };
const history = { 'user.:id.inbox': LIMITS, 'news.*': { size: 2, ttl: 60_000 } };
const REVERSED: Codec = {
  encode: (value) => JSON.stringify(value).split('').toReversed().join(''),
  decode: (payload) =>
    JSON.parse(Buffer.from(payload).toString().split('').toReversed().join('')) as unknown,
};

const dataOf = async ({ service }: ServiceApp, channel: string, query = {}): Promise<unknown[]> =>
  (await service.history(channel, query)).messages.map(({ data }) => data);

describe('the history of a channel', () => {
  const redis = useRedis();
  const start = (options: RedisPubSubModuleOptions = {}): Promise<ServiceApp> =>
    startService(redis, { history, ...options });

  it.each([
    {},
    { prefix: 'shop:' },
    { sharded: true },
    { batchPublishes: true },
    { codec: REVERSED },
  ])('has the last messages, in order, with their headers and ids (%o)', async (options) => {
    const app = await start(options);
    const sent = [0, 1, 2, 3, 4, 5, 6].map((data) =>
      app.service.publish(
        'user.1.inbox',
        new RedisPubSubRecordBuilder(data).setHeader('n', String(data)).build(),
      ),
    );
    await Promise.all(sent);
    await app.service.publish('user.1.other', 'not kept');
    const { messages, recovered, position } = await app.service.history('user.1.inbox');
    expect(messages.map(({ data }) => data)).toEqual([2, 3, 4, 5, 6]);
    expect(messages.map(({ headers }) => headers.n)).toEqual(['2', '3', '4', '5', '6']);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(5);
    expect(recovered).toBe(false);
    expect(position).toBe(messages.at(-1)?.position);
    expect(await app.service.position('user.1.inbox')).toBe(position);
    expect(await dataOf(app, 'user.1.other')).toEqual([]);
    await app.service.publish('user.1.inbox', 7);
    await app.service.publish('user.1.inbox', 8);
    const since = { since: position };
    const next = await app.service.history('user.1.inbox', since);
    expect([next.recovered, next.messages.map(({ data }) => data)]).toEqual([true, [7, 8]]);
    const paged = await app.service.history('user.1.inbox', { ...since, limit: 1 });
    expect([paged.recovered, paged.messages.map(({ data }) => data)]).toEqual([true, [7]]);
    expect(paged.position).toBe(paged.messages[0]?.position);
    expect(await dataOf(app, 'user.1.inbox', { limit: 2 })).toEqual([7, 8]);
  });

  it('is not recovered from a position that it does not have, nor from any other text', async () => {
    const app = await start();
    await app.service.publish('news.a', 0);
    const { position = '' } = await app.service.history('news.a');
    for (const data of [1, 2]) await app.service.publish('news.a', data);
    const since = [
      position,
      position.replace(/@.*/, '@00000000'),
      '',
      '@',
      'x@y',
      '7',
      '\n'.repeat(9),
    ];
    for (const it of since) {
      const found = await app.service.history('news.a', { since: it });
      expect([it, found.recovered, found.messages]).toEqual([it, false, []]);
      expect(found.position).toBe(await app.service.position('news.a'));
    }
  });

  it('is that of the first pattern that matches', async () => {
    const app = await start({
      history: { 'a.b': { size: 1, ttl: 1000 }, 'a.*': { size: 2, ttl: 1000 } },
    });
    for (const channel of ['a.b', 'a.c', 'b.a']) {
      for (const data of [1, 2, 3]) await app.service.publish(channel, data);
    }
    expect(await dataOf(app, 'a.b')).toEqual([3]);
    expect(await dataOf(app, 'a.c')).toEqual([2, 3]);
    expect(await dataOf(app, 'b.a')).toEqual([]);
  });

  it('can be given with one message, by publish and by a record, or be left out', async () => {
    const app = await start();
    const client = app.app.get(RedisPubSubClient);
    const record = new RedisPubSubRecordBuilder(2).setHistory({ size: 3, ttl: 1000 }).build();
    await app.service.publish('other', 1, { history: { size: 3, ttl: 1000 } });
    await firstValueFrom(client.emit('other', record));
    await app.service.publish('other', 3);
    expect(await dataOf(app, 'other')).toEqual([1, 2]);
    await firstValueFrom(client.emit('news.b', 1));
    await app.service.publish('news.b', 2, { history: false });
    const left = new RedisPubSubRecordBuilder(3).setHistory(false).build();
    await firstValueFrom(client.emit('news.b', left));
    expect(await dataOf(app, 'news.b')).toEqual([1]);
  });

  it('keeps what waited in the publish buffer, with ids of its own', async () => {
    for (const codec of ['envelope', REVERSED] as const) {
      const app = await start({ codec, publishBuffer: { maxAge: 60_000 } });
      const channel = `user.${codec === REVERSED ? 'own' : 'json'}.inbox`;
      await app.service.publish(channel, 0);
      await redis.stop();
      await eventually(() => app.service.status === 'reconnecting');
      const sent = [1, 2, 3].map((data) => app.service.publish(channel, data));
      await redis.start();
      await Promise.all(sent);
      const { messages } = await app.service.history(channel);
      expect(messages.map(({ data }) => data).filter((it) => it !== 0)).toEqual([1, 2, 3]);
      expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
    }
  });

  it('has no requests', async () => {
    const app = await start();
    const client = app.app.get(RedisPubSubClient);
    await failureOf(firstValueFrom(client.send('news.c', 1)));
    expect(await dataOf(app, 'news.c')).toEqual([]);
    const record = new RedisPubSubRecordBuilder(1).setHistory(LIMITS).build();
    await expect(firstValueFrom(client.send('news.c', record))).rejects.toThrow(
      'Expected "history" to be absent, for requests',
    );
  });

  it.each([
    [{ 'news.*': { size: 0, ttl: 1 } }, 'history["news.*"].size'],
    [{ 'news.*': { size: 1, ttl: 0 } }, 'history["news.*"].ttl'],
    [{ 'news.*': { size: Infinity, ttl: 1 } }, 'history["news.*"].size'],
    [{ 'news.*': { size: 1, ttl: 1, age: 1 } }, 'got "age"'],
    [{ 'news.*': 5 }, 'history["news.*"]'],
    [['news.*'], 'history'],
    [{ '': LIMITS }, 'empty string'],
  ])('refuses the option %o', (wrong, text) => {
    expect(() => RedisPubSubModule.forRoot({ history: wrong as never })).toThrow(text);
  });

  it('refuses what has no ids', async () => {
    expect(() => RedisPubSubModule.forRoot({ history, messageIds: false })).toThrow('"messageIds"');
    expect(() => RedisPubSubModule.forRoot({ history, codec: 'json' })).toThrow('"codec"');
    const { service } = await start();
    await expect(service.publish('news.d', 1, { format: 'json' })).rejects.toThrow('"format"');
    await expect(service.publish('x', 1, { history: { size: 1 } as never })).rejects.toThrow(
      '"history.ttl"',
    );
    const without = await startService(redis, { messageIds: false });
    await expect(without.service.publish('x', 1, { history: LIMITS })).rejects.toThrow('"history"');
    const serializer = { serialize: (value: unknown) => value };
    const client = createClient({ connection: redis.url, history, serializer });
    await expect(firstValueFrom(client.emit('news.d', 1))).rejects.toThrow('"serializer"');
  });

  it('refuses wrong queries, and channels that cannot have one', async () => {
    const { service } = await start();
    await expect(service.history('a', { limit: 0 })).rejects.toThrow('"limit"');
    await expect(service.history('a', { since: 7 as never })).rejects.toThrow('"since"');
    await expect(service.history('')).rejects.toThrow('empty string');
    await expect(service.position('a}b')).rejects.toThrow('hash tag');
    await expect(service.publish('news.a}b', 1)).rejects.toMatchObject({
      code: 'ERR_PUBSUB_INVALID_CHANNEL',
      statusCode: 400,
    });
    await service.publish('news.{a}b}', 1);
    await service.publish('news.{c', 2);
    expect((await service.history('news.{a}b}')).messages).toHaveLength(1);
    expect((await service.history('news.{c')).messages).toHaveLength(1);
  });

  it.skipIf(IN_MEMORY)('is a list of Redis that expires, under the prefix', async () => {
    const { service } = await start({ prefix: 'shop:' });
    await service.publish('news.e', 1);
    const key = '_pubsub.history:{shop:news.e}';
    expect(await redis.client.llen(key)).toBe(1);
    expect(await redis.client.pttl(key)).toBeGreaterThan(50_000);
    await redis.client.set('_pubsub.history:{shop:news.f}', 'text');
    await expect(service.history('news.f')).rejects.toMatchObject({ code: 'ERR_PUBSUB_QUERY' });
    await expect(service.publish('news.f', 1)).rejects.toMatchObject({
      code: 'ERR_PUBSUB_PUBLISH',
    });
  });

  it('leaves the counting of lost messages exact', async () => {
    const app = await start();
    const lost: unknown[] = [];
    const found: unknown[] = [];
    await app.service.subscribe('news.g', ({ data }) => found.push(data), {
      onLost: (it) => lost.push(it),
    });
    for (let i = 0; i < 10; i++) {
      await app.service.publish('news.g', i, i % 3 === 0 ? { history: false } : {});
    }
    await eventually(() => found.length === 10);
    expect(lost).toEqual([]);
  });
});
