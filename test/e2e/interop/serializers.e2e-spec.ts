import { setImmediate } from 'node:timers/promises';
import { Controller } from '@nestjs/common';
import {
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  Transport,
  type Deserializer,
  type Serializer,
} from '@nestjs/microservices';
import { finalize, firstValueFrom, lastValueFrom, of, toArray } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { RedisPubSubContext, type RedisPubSubServerOptions } from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const seen: unknown[] = [];
type Packet = Record<string, unknown>;

/** A wire format of a user: other names for the keys of Nest's packet. */
const toServer: Deserializer = {
  deserialize: ({ tag, body, headers, answer }: Packet) =>
    Promise.resolve({ id: tag, data: body, metadata: headers, replyTo: answer }),
};
const fromServer: Serializer = {
  serialize: ({ id, response, err, isDisposed }: Packet) => ({
    id,
    ok: response,
    failed: err,
    end: isDisposed,
  }),
};
const toClient: Deserializer = {
  deserialize: ({ id, ok, failed, end }: Packet) => ({
    id,
    response: ok,
    err: failed,
    isDisposed: end,
  }),
};

/** Throws for one event. */
const writeEvent = ({ data }: Packet): unknown => {
  if (data === 'bad') throw new Error('cannot write it');
  return { pattern: 'hooked.event', data };
};

/** Throws for one reply. */
const writeReply = (packet: Packet): unknown => {
  if (packet.response === 8) throw new Error('cannot write it');
  return packet;
};

/** Needs more time for the first reply than for the others. */
const readSlowly = async (packet: Packet): Promise<Packet> => {
  const turns = packet.response === 1 ? 20 : 1;
  for (let turn = 0; turn < turns; turn++) await setImmediate();
  return packet;
};

/** Throws for one reply. */
const readUnlessTwo = (packet: Packet): Packet => {
  if (packet.response === 2) throw new Error('cannot read it');
  return packet;
};

const readWithoutId = ({ ok, failed, end }: Packet): Packet => ({
  response: ok,
  err: failed,
  isDisposed: end,
});

@Controller()
class Service {
  @EventPattern<string>('hooked.event')
  event(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push([data, context.getHeaders()]);
  }

  @MessagePattern('hooked.double')
  double(@Payload() n: number, @Ctx() context: RedisPubSubContext) {
    seen.push([n, context.getHeaders()]);
    return n * 2;
  }

  @MessagePattern('hooked.stream')
  stream() {
    return of(1, 2, 3);
  }
}

describe("Nest's serializers and deserializers", () => {
  const redis = useRedis();

  beforeEach(() => {
    seen.length = 0;
  });

  const start = (options: RedisPubSubServerOptions) =>
    startService(
      { module: class {}, controllers: [Service] },
      { connection: redis.url, ...options },
    );

  const texts = async (channel: string): Promise<string[]> => {
    const subscriber = redis.client.duplicate();
    closeAfterTest(() => subscriber.quit());
    const found: string[] = [];
    subscriber.on('message', (_channel, text: string) => found.push(text));
    await subscriber.subscribe(channel);
    return found;
  };

  it('on the server define the format of packets', async () => {
    await start({ deserializer: toServer, serializer: fromServer });
    const replies = await texts('hooked.double.reply');
    const request = { tag: 'r1', body: 21, headers: { trace: 't' } };
    await redis.client.publish('hooked.double', JSON.stringify(request));
    await eventually(() => replies.length > 0);
    expect(replies.map((it) => JSON.parse(it) as unknown)).toEqual([
      { id: 'r1', ok: 42, end: true },
    ]);
    expect(seen).toEqual([[21, { trace: 't' }]]);
  });

  it('are called with the channel, without the prefix', async () => {
    const deserializer: Deserializer = {
      deserialize: (value: unknown, options) => ({ data: [value, options] }),
    };
    await start({ deserializer, prefix: 'app:' });
    await redis.client.publish('app:hooked.event', 'text');
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([[['text', { channel: 'hooked.event' }], {}]]);
  });

  it('on the server drop a message when they throw or reject, and the next one is handled', async () => {
    const deserializer: Deserializer = {
      deserialize: (value: unknown) => {
        if (value === 'throw') throw new Error('cannot read it');
        return value === 'reject' ? Promise.reject(new Error('cannot read it')) : { data: value };
      },
    };
    const { log } = await start({ deserializer });
    for (const it of ['throw', 'reject', 'next']) await redis.client.publish('hooked.event', it);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['next', {}]]);
    const errors = log.of('error');
    expect(errors).toHaveLength(2);
    for (const it of errors)
      expect(it).toContain('failed on "hooked.event": Error: cannot read it');
  });

  it('on RedisPubSubClient read the format of the server', async () => {
    await start({ serializer: fromServer });
    const client = createClient({ connection: redis.url, deserializer: toClient });
    expect(await lastValueFrom(client.send('hooked.double', 4))).toBe(8);
    const values$ = client.send('hooked.stream', 4).pipe(toArray());
    expect(await lastValueFrom(values$)).toEqual([1, 2, 3]);
  });

  it('on the client may be slow: the replies keep their order, and none is lost', async () => {
    await start({});
    const client = createClient({
      connection: redis.url,
      deserializer: { deserialize: readSlowly },
    });
    const values$ = client.send('hooked.stream', 4).pipe(toArray());
    expect(await lastValueFrom(values$)).toEqual([1, 2, 3]);
  });

  it('on the client may never settle for one reply: the others are delivered', async () => {
    await start({});
    const channels: unknown[] = [];
    const deserialize = (packet: Packet, options?: Packet): unknown => {
      channels.push(options?.channel);
      return packet.response === 2 ? new Promise<never>(() => undefined) : packet;
    };
    const client = createClient({ connection: redis.url, deserializer: { deserialize } });
    const never = client.send('hooked.double', 1).subscribe();
    expect(await lastValueFrom(client.send('hooked.double', 4))).toBe(8);
    await eventually(() => channels.length === 2);
    expect(channels).toEqual(['hooked.double', 'hooked.double']);
    never.unsubscribe();
  });

  it('on the client may omit the id', async () => {
    await start({ serializer: fromServer });
    const deserializer: Deserializer = { deserialize: readWithoutId };
    const client = createClient({ connection: redis.url, deserializer });
    expect(await lastValueFrom(client.send('hooked.double', 4))).toBe(8);
  });

  it('on the client may throw for a reply whose teardown throws: the others are delivered', async () => {
    await start({});
    const deserializer: Deserializer = { deserialize: readUnlessTwo };
    const client = createClient({ connection: redis.url, deserializer });
    const failures: unknown[] = [];
    client
      .send('hooked.double', 1)
      .pipe(
        finalize(() => {
          throw new Error('torn');
        }),
      )
      .subscribe({ error: (error) => failures.push(error) });
    await eventually(() => failures.length === 1);
    expect(await lastValueFrom(client.send('hooked.double', 4))).toBe(8);
  });

  it.skipIf(IN_MEMORY)(
    'on the built-in client (Transport.REDIS) read the format of RedisPubSubServer',
    async () => {
      await start({ serializer: fromServer, deserializer: toServer });
      const client = ClientProxyFactory.create({
        transport: Transport.REDIS,
        options: {
          host: '127.0.0.1',
          port: redis.port,
          serializer: { serialize: ({ id, data }: Packet) => ({ tag: id, body: data }) },
          deserializer: toClient,
        },
      });
      closeAfterTest(async () => client.close());
      expect(await lastValueFrom(client.send('hooked.double', 4))).toBe(8);
    },
  );

  it('on the client change the published packet', async () => {
    const found = await texts('hooked.event');
    const serializer: Serializer = {
      serialize: (packet: Packet) => ({ ...packet, metadata: { version: '2' } }),
    };
    await start({});
    const client = createClient({ connection: redis.url, serializer });
    await firstValueFrom(client.emit('hooked.event', { a: 1 }));
    await eventually(() => seen.length > 0 && found.length > 0);
    expect(seen).toEqual([[{ a: 1 }, { version: '2' }]]);
    expect(found).toEqual(['{"pattern":"hooked.event","data":{"a":1},"metadata":{"version":"2"}}']);
  });

  it.each([
    ['the bare data', (packet: Packet) => packet.data, '{"a":1}'],
    ['other names', ({ data }: Packet) => ({ body: data }), '{"body":{"a":1}}'],
    ['text', () => 'a=1', '"a=1"'],
  ])('on the client may publish a value that is no packet: %s', async (_, serialize, expected) => {
    const found = await texts('hooked.event');
    const client = createClient({ connection: redis.url, serializer: { serialize } });
    expect(await firstValueFrom(client.emit('hooked.event', { a: 1 }))).toBe(1);
    await eventually(() => found.length > 0);
    expect(found).toEqual([expected]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('cannot read it');
      },
    ],
    ['rejects', () => Promise.reject(new Error('cannot read it'))],
  ])('on the client reject the request when the deserializer %s', async (_, deserialize) => {
    await start({});
    const client = createClient({
      connection: redis.url,
      requestTimeout: 2_000,
      deserializer: { deserialize },
    });
    await expect(lastValueFrom(client.send('hooked.double', 4))).rejects.toThrow('cannot read it');
  });

  it.each<[string, Serializer, Deserializer]>([
    [
      'another object',
      { serialize: (body: unknown) => ({ v: 2, body }) },
      { deserialize: ({ body }: { body: unknown }) => body },
    ],
    [
      'a list',
      { serialize: ({ id, response, err, isDisposed }: Packet) => [id, response, err, isDisposed] },
      {
        deserialize: ([id, response, err, isDisposed]: unknown[]) =>
          Promise.resolve({ id, response, err, isDisposed }),
      },
    ],
  ])('match a reply to its request when the id is in %s', async (_, serializer, deserializer) => {
    await start({ serializer });
    const client = createClient({ connection: redis.url, requestTimeout: 2_000, deserializer });
    const ask = (n: number) => lastValueFrom(client.send('hooked.double', n));
    expect(await ask(4)).toBe(8);
    expect(await Promise.all([1, 2, 3].map(ask))).toEqual([2, 4, 6]);
    const stream = client.send('hooked.stream', {}).pipe(toArray());
    expect(await lastValueFrom(stream)).toEqual([1, 2, 3]);
  });

  it('on the client reject the event and the request when the serializer throws', async () => {
    const found = await texts('hooked.event');
    const client = createClient({ connection: redis.url, serializer: { serialize: writeEvent } });
    await expect(lastValueFrom(client.emit('hooked.event', 'bad'))).rejects.toThrow(
      'cannot write it',
    );
    await expect(lastValueFrom(client.send('hooked.event', 'bad'))).rejects.toThrow(
      'cannot write it',
    );
    await firstValueFrom(client.emit('hooked.event', 'good'));
    await eventually(() => found.length > 0);
    expect(found).toEqual(['{"pattern":"hooked.event","data":"good"}']);
  });

  it.each([
    ['resolves', (value: unknown) => Promise.resolve(value)],
    ['rejects', () => Promise.reject(new Error('cannot write it'))],
  ])('must be synchronous: a promise that %s is an error, and is not sent', async (_, promise) => {
    const found = await texts('hooked.event');
    const serializer: Serializer = { serialize: promise };
    const { log } = await start({ serializer });
    const client = createClient({ connection: redis.url, serializer });
    const expected = 'Expected serialize to be synchronous, got a promise';
    await expect(lastValueFrom(client.emit('hooked.event', 1))).rejects.toThrow(expected);
    const asking = createClient({ connection: redis.url, messageIds: false });
    await expect(lastValueFrom(asking.send('hooked.double', 4))).rejects.toEqual({
      status: 'error',
      message: 'Internal server error',
    });
    expect(log.of('error').join()).toContain(expected);
    await firstValueFrom(asking.emit('hooked.event', 'good'));
    await eventually(() => found.length > 0);
    expect(found).toEqual(['{"pattern":"hooked.event","data":"good"}']);
  });

  it('on the server reject the request when they throw', async () => {
    const { log } = await start({ serializer: { serialize: writeReply } });
    const client = createClient({ connection: redis.url, requestTimeout: 2_000 });
    await expect(lastValueFrom(client.send('hooked.double', 4))).rejects.toEqual({
      status: 'error',
      message: 'Internal server error',
    });
    expect(log.of('error').join()).toContain('cannot write it');
    expect(await lastValueFrom(client.send('hooked.double', 5))).toBe(10);
  });
});
