import { Controller } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { createClient as createNodeRedis } from 'redis';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  MessageHeader,
  RedisPubSubRecord,
  RedisPubSubRecordBuilder,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen: unknown[] = [];

@Controller()
class Events {
  @EventPattern('json.*')
  any(@Payload() data: unknown, @MessageHeader('trace') trace: unknown) {
    seen.push([data, trace]);
  }
}

describe('codec "json"', () => {
  const redis = useRedis();

  beforeEach(() => {
    seen.length = 0;
  });

  /** Collects the texts that a subscriber without Nest receives. */
  const read = async (channel: string): Promise<string[]> => {
    const subscriber = createNodeRedis({ url: redis.url });
    await subscriber.connect();
    closeAfterTest(() => subscriber.close());
    const texts: string[] = [];
    await subscriber.subscribe(channel, (text) => texts.push(text));
    return texts;
  };

  it.each([{ a: { data: 1, pattern: 'x', id: 2 } }, [1, null], 'text', '', 0, false])(
    'publishes the bare data, which RedisPubSubServer decodes: %j',
    async (data) => {
      const { url } = redis;
      await startService(
        { module: class {}, controllers: [Events] },
        { connection: url, codec: 'json' },
      );
      const texts = await read('json.event');
      const client = createClient({ connection: url, codec: 'json' });
      expect(await firstValueFrom(client.emit('json.event', data))).toBe(2);
      await eventually(() => texts.length > 0 && seen.length > 0);
      expect(texts).toEqual([JSON.stringify(data)]);
      expect(seen).toEqual([[data, undefined]]);
    },
  );

  it('delivers a packet of Nest unchanged, because it has no envelope', async () => {
    await startService(
      { module: class {}, controllers: [Events] },
      { connection: redis.url, codec: 'json' },
    );
    const packet = { pattern: 'json.event', data: 1, metadata: { trace: 't' } };
    await redis.client.publish('json.event', JSON.stringify(packet));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([[packet, undefined]]);
  });

  it('delivers a number that JavaScript would print otherwise as its text', async () => {
    await startService(
      { module: class {}, controllers: [Events] },
      { connection: redis.url, codec: 'json' },
    );
    for (const text of ['1163524986217881613', '42']) {
      await redis.client.publish('json.event', text);
    }
    await eventually(() => seen.length > 1);
    expect(seen).toEqual([
      ['1163524986217881613', undefined],
      [42, undefined],
    ]);
  });

  it('rejects requests and headers with InvalidOptionError, and publishes nothing', async () => {
    const texts = await read('json.event');
    const client = createClient({ connection: redis.url, codec: 'json' });
    const headers = new RedisPubSubRecordBuilder({ a: 1 }).setHeader('trace', 't').build();
    await expect(lastValueFrom(client.send('json.event', 1))).rejects.toThrow(
      new InvalidOptionError('codec', 'one with an envelope, for requests', 'bare data'),
    );
    await expect(lastValueFrom(client.emit('json.event', headers))).rejects.toThrow(
      new InvalidOptionError('codec', 'one with an envelope, for headers', 'bare data'),
    );
    const noHeaders = new RedisPubSubRecord({ a: 1 });
    expect(await firstValueFrom(client.emit('json.event', noHeaders))).toBe(1);
    await eventually(() => texts.length > 0);
    expect(texts).toEqual(['{"a":1}']);
  });
});
