import type { ReadPacket, Serializer } from '@nestjs/microservices';
import { serialize, deserialize } from 'node:v8';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  PayloadError,
  RedisPubSubClient,
  RedisPubSubRecord,
  RedisPubSubRecordBuilder,
  type Codec,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startService } from '../module/service-app.js';

const FORMATS = [
  ['json', { name: 'Ada' }, '{"name":"Ada"}'],
  ['json', 'Ada', '"Ada"'],
  ['text', 'Ada', 'Ada'],
  ['text', '{"name":"Ada"}', '{"name":"Ada"}'],
  ['text', Buffer.from('Ada'), 'Ada'],
] as const;

describe('a message with a format', () => {
  const redis = useRedis();

  /** Collects what a reader in another language receives. */
  async function read(command: 'subscribe' | 'ssubscribe', channel: string): Promise<string[]> {
    const payloads: string[] = [];
    const reader = redis.client.duplicate();
    closeAfterTest(async () => reader.disconnect());
    reader.on(command === 'subscribe' ? 'message' : 'smessage', (_: string, text: string) =>
      payloads.push(text),
    );
    await reader[command](channel);
    return payloads;
  }

  it.each(FORMATS)('"%s" is published bare by the service: %j', async (format, data, payload) => {
    const { service } = await startService(redis, { prefix: 'bare:' });
    const payloads = await read('subscribe', 'bare:user');
    expect(await service.publish('user', data, { format })).toBe(1);
    await eventually(() => payloads.length > 0);
    expect(payloads).toEqual([payload]);
  });

  it.each(FORMATS)('"%s" is published bare from a record: %j', async (format, data, payload) => {
    const { app, service } = await startService(redis, { prefix: 'bare:' });
    const payloads = await read('subscribe', 'bare:user');
    const record = new RedisPubSubRecordBuilder(data).setFormat(format).build();
    await service.publish('user', record);
    await firstValueFrom(app.get(RedisPubSubClient).emit('user', record));
    await eventually(() => payloads.length === 2);
    expect(payloads).toEqual([payload, payload]);
  });

  it('overrides the codec, the serializer of a client, and the format of the record', async () => {
    const codec: Codec = { encode: serialize, decode: deserialize };
    const serializer: Serializer = { serialize: () => 'serialized' };
    const payloads = await read('subscribe', 'user');
    const record = new RedisPubSubRecordBuilder('Ada').setFormat('json').build();
    const { service } = await startService(redis, { codec });
    await service.publish('user', record, { format: 'text' });
    const client = createClient({ connection: redis.url, codec, serializer });
    await firstValueFrom(client.emit('user', record));
    await eventually(() => payloads.length === 2);
    expect(payloads).toEqual(['Ada', '"Ada"']);
  });

  it('may be sharded', async () => {
    const { service } = await startService(redis);
    const payloads = await read('ssubscribe', 'user');
    await service.publish('user', { a: 1 }, { format: 'json', sharded: true });
    await eventually(() => payloads.length > 0);
    expect(payloads).toEqual(['{"a":1}']);
  });

  it('reaches observers of this package as a whole', async () => {
    const { service } = await startService(redis);
    const received: unknown[] = [];
    await service.subscribe('user', ({ data }) => received.push(data));
    await service.publish('user', { id: 1, data: 2 }, { format: 'json' });
    await service.publish('user', 'plain', { format: 'text' });
    await eventually(() => received.length === 2);
    expect(received).toEqual([{ id: 1, data: 2 }, 'plain']);
  });

  it('is seen by the dispatch hook, whose metadata it cannot carry', async () => {
    const { app, service } = await startService(redis);
    const payloads = await read('subscribe', 'user');
    const patterns: unknown[] = [];
    app.get(RedisPubSubClient).setOnDispatchHook((packet: ReadPacket) => {
      patterns.push(packet.pattern);
      Object.assign(packet, { metadata: { trace: 't' } });
    });
    await service.publish('user', 1, { format: 'json' });
    await service.publish('user', new RedisPubSubRecordBuilder(2).setFormat('json').build());
    await eventually(() => payloads.length === 2);
    expect([payloads, patterns]).toEqual([
      ['1', '2'],
      ['user', 'user'],
    ]);
  });

  it('is limited by maxPayloadBytes', async () => {
    const { service } = await startService(redis, { maxPayloadBytes: 10 });
    await expect(service.publish('user', 'x'.repeat(11), { format: 'text' })).rejects.toThrow(
      PayloadError,
    );
  });

  it.each([
    ['text', 7],
    ['text', { a: 1 }],
    ['text', undefined],
    ['json', undefined],
    ['json', 1n],
  ] as const)(
    '"%s" is rejected with PayloadError for data that it is not for',
    async (format, data) => {
      const { service } = await startService(redis);
      await expect(service.publish('user', data, { format })).rejects.toThrow(PayloadError);
    },
  );

  it('is rejected with headers', async () => {
    const { app, service } = await startService(redis);
    const error = new InvalidOptionError('format', 'absent, for headers', 'json');
    const builder = new RedisPubSubRecordBuilder(1).setHeader('tenant', 'a');
    await expect(service.publish('user', builder.build(), { format: 'json' })).rejects.toThrow(
      error,
    );
    const emitted = app.get(RedisPubSubClient).emit('user', builder.setFormat('json').build());
    await expect(firstValueFrom(emitted)).rejects.toThrow(error);
  });

  it('is rejected as a request', async () => {
    const { app } = await startService(redis);
    const record = new RedisPubSubRecordBuilder(1).setFormat('json').build();
    await expect(firstValueFrom(app.get(RedisPubSubClient).send('user', record))).rejects.toThrow(
      new InvalidOptionError('format', 'absent, for requests', 'json'),
    );
  });

  it.each(['xml', '', 1, null])('is rejected with a format that does not exist: %j', async (it) => {
    const { service } = await startService(redis);
    const format = it as 'json';
    const error = new InvalidOptionError('format', '"json" or "text"', it);
    expect(() => new RedisPubSubRecordBuilder(1).setFormat(format)).toThrow(error);
    const record = Object.assign(new RedisPubSubRecord(1), { format });
    await expect(service.publish('user', record)).rejects.toThrow(error);
    await expect(service.publish('user', 1, { format })).rejects.toThrow(error);
  });
});
