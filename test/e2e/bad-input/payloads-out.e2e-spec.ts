import { NestFactory } from '@nestjs/core';
import { inspect } from 'node:util';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  PayloadError,
  RedisPubSubModule,
  RedisPubSubRecord,
  RedisPubSubService,
  type RedisPubSubOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { unsendable } from './unsendable.js';

const errorOf = (outcome: Promise<unknown>): Promise<unknown> =>
  outcome.then(
    (value) => ({ value }),
    (error: unknown) => error,
  );

describe('a payload that cannot be encoded', () => {
  const redis = useRedis();

  /** The texts that a plain subscriber receives on a channel. */
  const listen = async (channel: string): Promise<string[]> => {
    const subscriber = redis.client.duplicate();
    closeAfterTest(() => subscriber.quit());
    const texts: string[] = [];
    subscriber.on('message', (_channel, text: string) => texts.push(text));
    await subscriber.subscribe(channel);
    return texts;
  };

  const startModule = async (options: RedisPubSubOptions = {}): Promise<RedisPubSubService> => {
    const module = RedisPubSubModule.forRoot({ connection: redis.url, ...options });
    const app = await NestFactory.createApplicationContext(
      { module: class {}, imports: [module] },
      { logger: captureLog(), abortOnError: false },
    );
    closeAfterTest(() => app.close());
    return app.get(RedisPubSubService);
  };

  describe.each(['envelope', 'json'] as const)('with codec "%s"', (codec) => {
    it.each([...unsendable, ['undefined', undefined]] satisfies typeof unsendable)(
      'rejects with an error that names the channel: %s',
      async (_, data) => {
        const texts = await listen('out.bad');
        const client = createClient({ connection: redis.url, codec });
        const service = await startModule({ codec });
        const record = new RedisPubSubRecord(data);
        const outcomes = [
          service.publish('out.bad', data),
          service.publish('out.bad', record),
          firstValueFrom(client.emit('out.bad', record)),
        ];
        for (const error of await Promise.all(outcomes.map(errorOf))) {
          expect(error).toBeInstanceOf(PayloadError);
          expect(error).toMatchObject({ code: 'ERR_PUBSUB_PAYLOAD' });
          expect(String(error)).toContain('"out.bad"');
        }
        expect(await service.publish('out.bad', 'good')).toBe(1);
        await eventually(() => texts.some((text) => text.includes('good')));
        expect(texts).toHaveLength(1);
      },
    );
  });

  it.each(unsendable)(
    'rejects the request with an error that names the channel: %s',
    async (_, it) => {
      const texts = await listen('out.bad');
      const client = createClient({ connection: redis.url, requestTimeout: 2_000 });
      const error = await errorOf(firstValueFrom(client.send('out.bad', it)));
      expect(error).toBeInstanceOf(PayloadError);
      expect(String(error)).toContain('"out.bad"');
      await firstValueFrom(client.emit('out.bad', 'good'));
      await eventually(() => texts.some((text) => text.includes('good')));
      expect(texts).toHaveLength(1);
    },
  );

  it('rejects with an error that names the part and its type, and not the data', async () => {
    const service = await startModule();
    const client = createClient({ connection: redis.url });
    const data = { secret: 's3cret', items: [1, 2, 3, new Map([['s3cret', 1]])] };
    const broken = { price: { toJSON: () => JSON.parse('s3cret') as unknown } };
    for (const [it, part] of [
      [data, 'data.items[3]: Map'],
      [broken, 'data.price: Object, whose toJSON throws'],
    ] as const) {
      for (const outcome of [
        service.publish('out.bad', it),
        firstValueFrom(client.emit('out.bad', it)),
        firstValueFrom(client.send('out.bad', it)),
      ]) {
        const error = await errorOf(outcome);
        expect(String(error)).toContain(
          `Cannot encode the message to "out.bad": JSON has no form for ${part}`,
        );
        expect(inspect(error)).not.toContain('s3cret');
      }
    }
  });

  it('is not a Buffer that is all of the data', async () => {
    const texts = await listen('out.bytes');
    const service = await startModule({ codec: 'json' });
    expect(await service.publish('out.bytes', Buffer.from('a'))).toBe(1);
    await eventually(() => texts.length > 0);
    expect(texts).toEqual(['{"type":"Buffer","data":[97]}']);
  });

  it('is logged when the Observable of emit has no subscriber', async () => {
    const log = captureLog();
    const client = createClient({ connection: redis.url });
    client.emit('out.bad', 1n);
    await eventually(() => log.of('error').length > 0);
    expect(log.of('error').join()).toContain('Cannot encode the message to "out.bad"');
  });

  it("that is null or undefined is rejected by emit and send with Nest's own error", async () => {
    const client = createClient({ connection: redis.url });
    for (const nothing of [null, undefined]) {
      for (const outcome$ of [
        client.emit('out.bad', nothing),
        client.send('out.bad', nothing),
        client.emit(nothing, 1),
        client.send(nothing, 1),
      ]) {
        const error = await errorOf(firstValueFrom(outcome$));
        // Nest does not export the class.
        expect((error as Error).constructor.name).toBe('InvalidMessageException');
      }
    }
  });

  it('that is null is logged when the Observable of emit has no subscriber', async () => {
    const log = captureLog();
    createClient({ connection: redis.url }).emit('out.bad', null);
    await eventually(() => log.of('error').length > 0);
    expect(log.of('error').join()).toContain('An event was not published');
  });

  it('is not null when the service publishes it', async () => {
    const texts = await listen('out.null');
    const service = await startModule({ codec: 'json' });
    expect(await service.publish('out.null', null)).toBe(1);
    await eventually(() => texts.length > 0);
    expect(texts).toEqual(['null']);
  });

  it('is one that is larger than maxPayloadBytes, counted in bytes and with its envelope', async () => {
    const texts = await listen('out.big');
    const options = { maxPayloadBytes: 100, messageIds: false };
    const service = await startModule(options);
    const client = createClient({ connection: redis.url, ...options });
    const envelope = '{"pattern":"out.big","data":""}'.length;
    const big = 'é'.repeat((100 - envelope + 1) / 2 + 1);
    const outcomes = [
      service.publish('out.big', big),
      firstValueFrom(client.emit('out.big', big)),
      firstValueFrom(client.send('out.big', big)),
    ];
    for (const error of await Promise.all(outcomes.map(errorOf))) {
      expect(error).toBeInstanceOf(PayloadError);
      expect(String(error)).toMatch(/"out\.big" has 1\d\d bytes.*maxPayloadBytes \(100\)/);
    }
    const fits = 'a'.repeat(100 - envelope);
    expect(await service.publish('out.big', fits)).toBe(1);
    await eventually(() => texts.length > 0);
    expect(texts.map((text) => text.length)).toEqual([100]);
  });

  it('is one that is larger than maxPayloadBytes with its message id, and that uses no number', async () => {
    const texts = await listen('out.id');
    const service = await startModule({ maxPayloadBytes: 100 });
    const id = ',"mid":"8_of_its.1-1"';
    const room = 100 - `{"pattern":"out.id","data":""${id}}`.length;
    const error = await errorOf(service.publish('out.id', 'a'.repeat(room + 1)));
    expect(String(error)).toContain('has 101 bytes, more than maxPayloadBytes (100)');
    expect(await service.publish('out.id', 'a'.repeat(room))).toBe(1);
    await eventually(() => texts.length > 0);
    expect(texts[0]).toMatch(/a","mid":"[\w-]{8}\.1-1"\}$/);
  });
});
