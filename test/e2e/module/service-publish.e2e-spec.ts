import type { ReadPacket } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  CommandRefusedError,
  ConnectionError,
  InvalidChannelError,
  PayloadError,
  RedisPubSubClient,
  RedisPubSubRecordBuilder,
  type PubSubMessage,
} from 'nestjs-redis-pubsub';
import { eventually, plain, useRedis } from '../../support/redis.js';
import { failureOf } from './apps.js';
import { startService } from './service-app.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const rejecting = (): unknown => Promise.reject(new Error('no exporter'));

describe('service.publish', () => {
  const redis = useRedis();

  it('resolves with the number of subscriptions that Redis delivered the message to', async () => {
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

  it('sends the headers of a record with its data', async () => {
    const { service } = await startService(redis);
    const received: PubSubMessage[] = [];
    await service.subscribe('record.a', (message) => received.push(message));
    const record = new RedisPubSubRecordBuilder({ a: 1 }).setHeader('tenant', 'acme').build();
    await service.publish('record.a', record);
    await service.publish('record.a', { a: 2 });
    await eventually(() => received.length === 2);
    expect(received).toEqual([
      {
        data: { a: 1 },
        channel: 'record.a',
        pattern: 'record.a',
        params: {},
        headers: { tenant: 'acme' },
        id: expect.any(String),
      },
      {
        data: { a: 2 },
        channel: 'record.a',
        pattern: 'record.a',
        params: {},
        headers: {},
        id: expect.any(String),
      },
    ]);
  });

  it('calls the dispatch hook of the client, whose metadata are headers as with emit', async () => {
    const { app, service } = await startService(redis, { prefix: 'hook:' });
    const received: unknown[] = [];
    await service.subscribe('hooked.a', ({ data, headers }) => received.push([data, headers]));
    const packets: unknown[] = [];
    app.get(RedisPubSubClient).setOnDispatchHook((packet: ReadPacket) => {
      packets.push({ ...packet });
      Object.assign(packet, { metadata: { trace: 't1', tenant: 'hook' } });
    });
    const record = new RedisPubSubRecordBuilder(2).setHeader('tenant', 'acme').build();
    await service.publish('hooked.a', 1);
    await service.publish('hooked.a', record);
    await firstValueFrom(app.get(RedisPubSubClient).emit('hooked.a', record));
    await eventually(() => received.length === 3);
    expect(packets).toEqual([
      { pattern: 'hooked.a', data: 1 },
      { pattern: 'hooked.a', data: record },
      { pattern: 'hooked.a', data: record },
    ]);
    expect(received).toEqual([
      [1, { trace: 't1', tenant: 'hook' }],
      [2, { trace: 't1', tenant: 'acme' }],
      [2, { trace: 't1', tenant: 'acme' }],
    ]);
  });

  it('rejects with what the dispatch hook throws, and logs what it rejects with', async () => {
    const { app, service, log } = await startService(redis);
    const client = app.get(RedisPubSubClient);
    client.setOnDispatchHook(rejecting);
    expect(await service.publish('hooked.b', 1)).toBe(0);
    await eventually(() => log.of('error').length > 0);
    client.setOnDispatchHook(() => {
      throw new Error('no tracer');
    });
    await expect(service.publish('hooked.b', 1)).rejects.toThrow('no tracer');
    expect(log.of('error')).toEqual([
      expect.stringMatching(/^A dispatch hook failed: Error: no exporter/),
    ]);
  });

  it('sends bare data without the metadata of a dispatch hook, also from a record', async () => {
    const { app, service } = await startService(redis, { codec: 'json' });
    const received: unknown[] = [];
    await service.subscribe('hooked.c', ({ data, headers }) => received.push([data, headers]));
    app.get(RedisPubSubClient).setOnDispatchHook((packet: ReadPacket) => {
      Object.assign(packet, { metadata: { trace: 't1' } });
    });
    await service.publish('hooked.c', 1);
    await service.publish('hooked.c', new RedisPubSubRecordBuilder(2).build());
    const record = new RedisPubSubRecordBuilder(3).build();
    await firstValueFrom(app.get(RedisPubSubClient).emit('hooked.c', record));
    await eventually(() => received.length === 3);
    expect(received).toEqual([
      [1, {}],
      [2, {}],
      [3, {}],
    ]);
  });

  it('publishes to the literal channel, also if its name looks like a pattern', async () => {
    const { service } = await startService(redis);
    const received: unknown[] = [];
    await service.subscribe('odd.:id.*', ({ channel }) => received.push(channel));
    expect(await service.publish('odd.1.x', 1)).toBe(0);
    expect(await service.publish('odd.:id.*', 1)).toBe(1);
    await eventually(() => received.length === 1);
    expect(received).toEqual(['odd.:id.*']);
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => undefined],
    ['a bigint', 1n],
    ['a record without data', new RedisPubSubRecordBuilder(undefined).build()],
  ])('rejects with PayloadError for %s, and names the channel', async (_, data) => {
    const { service } = await startService(redis);
    const error = await failureOf(service.publish('payload.a', data));
    expect(error).toBeInstanceOf(PayloadError);
    expect(error.code).toBe('ERR_PUBSUB_PAYLOAD');
    expect(error.message).toContain('"payload.a"');
  });

  it('rejects with PayloadError for a payload over maxPayloadBytes, and publishes nothing', async () => {
    const { service } = await startService(redis, { maxPayloadBytes: 100 });
    const received: unknown[] = [];
    await service.subscribe('large.a', ({ data }) => received.push(data));
    const error = await failureOf(service.publish('large.a', 'x'.repeat(100)));
    expect(error).toBeInstanceOf(PayloadError);
    expect(error.message).toContain('"large.a"');
    await service.publish('large.a', 'small');
    await eventually(() => received.length > 0);
    expect(received).toEqual(['small']);
  });

  it.each([
    ['an empty channel', '', 'empty'],
    ['a number', 7 as unknown as string, 'number'],
    ['half a surrogate pair', 'half.\ud800', 'half.'],
    ['a reserved channel', '_pubsub.inbox.1', '"_pubsub.inbox.1"'],
  ])('rejects with InvalidChannelError for %s, and never throws', async (_, channel, named) => {
    const { service } = await startService(redis);
    const error = await failureOf(service.publish(channel, 1));
    expect(error).toBeInstanceOf(InvalidChannelError);
    expect(error.message).toContain(named);
  });

  it.skipIf(IN_MEMORY)(
    'rejects with CommandRefusedError, which names the channel, when Redis refuses',
    async () => {
      await redis.client.call(
        'ACL',
        'SETUSER',
        'mute',
        'on',
        '>pw',
        '+@all',
        'resetchannels',
        '&open.*',
      );
      const { service } = await startService(redis, {
        connection: { ...plain(redis.port), username: 'mute', password: 'pw' },
      });
      const error = await failureOf(service.publish('shut.a', 1));
      expect(error).toBeInstanceOf(CommandRefusedError);
      expect(error.code).toBe('ERR_PUBSUB_PUBLISH');
      expect(error.message).toMatch(/^Redis refused to publish to "shut\.a": NOPERM/);
      expect(await service.publish('open.a', 1)).toBe(0);
    },
  );

  it('rejects with ConnectionError while Redis is down, and publishes after the reconnect', async () => {
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
