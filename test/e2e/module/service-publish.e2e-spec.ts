import { describe, expect, it } from 'vitest';
import {
  CommandRefusedError,
  ConnectionError,
  InvalidChannelError,
  PayloadError,
  RedisPubSubRecordBuilder,
  type PubSubMessage,
} from 'nestjs-redis-pubsub';
import { eventually, plain, useRedis } from '../../support/redis.js';
import { failureOf } from './apps.js';
import { startService } from './service-app.js';

describe('service.publish', () => {
  const redis = useRedis();

  it('resolves to the number of subscriptions that Redis delivered to', async () => {
    const { service } = await startService(redis);
    expect(await service.publish('count.a', 1)).toBe(0);
    await service.subscribe('count.a', () => undefined);
    await service.subscribe('count.a', () => undefined);
    expect(await service.publish('count.a', 1)).toBe(1);
    await service.subscribePattern('count.*', () => undefined);
    expect(await service.publish('count.a', 1)).toBe(2);
    const other = await startService(redis);
    await other.service.subscribe('count.a', () => undefined);
    expect(await service.publish('count.a', 1)).toBe(3);
  });

  it('sends the headers of a record beside its data', async () => {
    const { service } = await startService(redis);
    const heard: PubSubMessage[] = [];
    await service.subscribe('record.a', (message) => heard.push(message));
    const record = new RedisPubSubRecordBuilder({ a: 1 }).setHeader('tenant', 'acme').build();
    await service.publish('record.a', record);
    await service.publish('record.a', { a: 2 });
    await eventually(() => heard.length === 2);
    expect(heard).toEqual([
      {
        data: { a: 1 },
        channel: 'record.a',
        pattern: 'record.a',
        params: {},
        headers: { tenant: 'acme' },
      },
      { data: { a: 2 }, channel: 'record.a', pattern: 'record.a', params: {}, headers: {} },
    ]);
  });

  it('takes a channel literally, whatever characters it has', async () => {
    const { service } = await startService(redis);
    const heard: unknown[] = [];
    await service.subscribe('odd.:id.*', ({ channel }) => heard.push(channel));
    expect(await service.publish('odd.1.x', 1)).toBe(0);
    expect(await service.publish('odd.:id.*', 1)).toBe(1);
    await eventually(() => heard.length === 1);
    expect(heard).toEqual(['odd.:id.*']);
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => undefined],
    ['a bigint', 1n],
    ['a record around nothing', new RedisPubSubRecordBuilder(undefined).build()],
  ])('rejects for %s, with an error that names the channel', async (_, data) => {
    const { service } = await startService(redis);
    const error = await failureOf(service.publish('payload.a', data));
    expect(error).toBeInstanceOf(PayloadError);
    expect(error.code).toBe('ERR_PUBSUB_PAYLOAD');
    expect(error.message).toContain('"payload.a"');
  });

  it('rejects for a payload that is too large, and sends nothing', async () => {
    const { service } = await startService(redis, { maxPayloadBytes: 100 });
    const heard: unknown[] = [];
    await service.subscribe('large.a', ({ data }) => heard.push(data));
    const error = await failureOf(service.publish('large.a', 'x'.repeat(100)));
    expect(error).toBeInstanceOf(PayloadError);
    expect(error.message).toContain('"large.a"');
    await service.publish('large.a', 'small');
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['small']);
  });

  it.each([
    ['an empty channel', '', 'empty'],
    ['no string', 7 as unknown as string, 'number'],
    ['half a surrogate pair', 'half.\ud800', 'half.'],
    ['a reserved channel', '_pubsub.inbox.1', '"_pubsub.inbox.1"'],
  ])('rejects for %s, and never throws', async (_, channel, named) => {
    const { service } = await startService(redis);
    const error = await failureOf(service.publish(channel, 1));
    expect(error).toBeInstanceOf(InvalidChannelError);
    expect(error.message).toContain(named);
  });

  it('rejects with an error that names the channel when Redis refuses', async () => {
    await redis.client.call('ACL', 'SETUSER', 'mute', 'on', '>pw', '~*', '+@all', '&open.*');
    const { service } = await startService(redis, {
      connection: { ...plain(redis.port), username: 'mute', password: 'pw' },
    });
    const error = await failureOf(service.publish('shut.a', 1));
    expect(error).toBeInstanceOf(CommandRefusedError);
    expect(error.code).toBe('ERR_PUBSUB_PUBLISH');
    expect(error.message).toMatch(/^Redis refused to publish to "shut\.a": NOPERM/);
    expect(await service.publish('open.a', 1)).toBe(0);
  });

  it('rejects at once while Redis is away, and works when it is back', async () => {
    const { service, becomes } = await startService(redis);
    await redis.stop();
    await becomes('reconnecting');
    const error = await failureOf(service.publish('away.a', 1));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toContain('"away.a"');
    await redis.start();
    await becomes('connected');
    expect(await service.publish('away.a', 1)).toBe(0);
  });
});
