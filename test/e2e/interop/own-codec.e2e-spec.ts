import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { firstValueFrom, lastValueFrom, of, toArray } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  PayloadError,
  RedisPubSubContext,
  RedisPubSubRecordBuilder,
  type Codec,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen: unknown[] = [];
const MAGIC = 0xc1;
const MASK = 0xa5;

/** A binary codec: a magic byte that is never valid UTF-8, then JSON with its bits flipped. */
const binary = {
  encode(value: unknown): Uint8Array {
    const json = Buffer.from(JSON.stringify(value) ?? '');
    // With an unused first byte: the payload is a view that does not begin at offset 0 of its memory.
    const memory = new Uint8Array(json.length + 2);
    memory.set([0, MAGIC, ...json.map((byte) => byte ^ MASK)]);
    return memory.subarray(1);
  },

  decode(payload: Uint8Array): unknown {
    if (payload[0] !== MAGIC) throw new Error('not the magic byte');
    return JSON.parse(
      Buffer.from(payload.subarray(1).map((byte) => byte ^ MASK)).toString(),
    ) as unknown;
  },
} satisfies Codec;

@Controller()
class Service {
  @EventPattern<string>('own.*')
  event(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push([data, context.getHeaders()]);
  }

  @MessagePattern('ask.double')
  double(@Payload() n: number) {
    return n * 2;
  }

  @MessagePattern('ask.stream')
  stream() {
    return of('🎉', [1], null);
  }

  @MessagePattern('ask.fail')
  fail() {
    throw new RpcException('no');
  }
}

describe('a codec of the user', () => {
  const redis = useRedis();

  beforeEach(() => {
    seen.length = 0;
  });

  const start = (codec: Codec) =>
    startService({ module: class {}, controllers: [Service] }, { connection: redis.url, codec });

  const connect = (codec: Codec) => createClient({ connection: redis.url, codec });

  const rawBytes = async (channel: string): Promise<Buffer[]> => {
    const subscriber = redis.client.duplicate();
    closeAfterTest(() => subscriber.quit());
    const payloads: Buffer[] = [];
    subscriber.on('messageBuffer', (_channel, payload: Buffer) => payloads.push(payload));
    await subscriber.subscribe(channel);
    return payloads;
  };

  it('encodes events with their headers', async () => {
    await start(binary);
    const payloads = await rawBytes('own.event');
    const record = new RedisPubSubRecordBuilder({ text: 'é🎉' }).setHeader('trace', 't').build();
    expect(await firstValueFrom(connect(binary).emit('own.event', record))).toBe(2);
    await eventually(() => seen.length > 0 && payloads.length > 0);
    expect(seen).toEqual([[{ text: 'é🎉' }, { trace: 't' }]]);
    expect(payloads[0]?.[0]).toBe(MAGIC);
    expect(binary.decode(payloads[0] ?? Buffer.of())).toEqual({
      pattern: 'own.event',
      data: { text: 'é🎉' },
      metadata: { trace: 't' },
      mid: expect.stringMatching(/^[\w-]{8}\.1-1$/),
    });
  });

  it('encodes requests, streams and errors', async () => {
    await start(binary);
    const client = connect(binary);
    expect(await lastValueFrom(client.send('ask.double', 21))).toBe(42);
    const values$ = client.send<unknown>('ask.stream', 1).pipe(toArray());
    expect(await lastValueFrom(values$)).toEqual(['🎉', [1], null]);
    await expect(lastValueFrom(client.send('ask.fail', 1))).rejects.toEqual({
      status: 'error',
      message: 'no',
    });
  });

  it('receives the bare data with "envelope: false", and rejects requests and headers', async () => {
    const bare = { ...binary, envelope: false };
    await start(bare);
    const payloads = await rawBytes('own.event');
    const client = connect(bare);
    const record = new RedisPubSubRecordBuilder(1).setHeader('trace', 't').build();
    await expect(lastValueFrom(client.send('own.event', 1))).rejects.toThrow(InvalidOptionError);
    await expect(lastValueFrom(client.emit('own.event', record))).rejects.toThrow(
      InvalidOptionError,
    );
    await firstValueFrom(client.emit('own.event', { data: 1, pattern: 'own.event' }));
    await eventually(() => seen.length > 0 && payloads.length > 0);
    expect(seen).toEqual([[{ data: 1, pattern: 'own.event' }, {}]]);
    expect(payloads).toEqual([Buffer.from(binary.encode({ data: 1, pattern: 'own.event' }))]);
  });

  it('drops and logs a message that it cannot decode, and decodes the next one', async () => {
    const { log } = await start(binary);
    await redis.client.publish('own.event', 'plain text');
    await redis.client.publish('own.event', '');
    await firstValueFrom(connect(binary).emit('own.event', 'next'));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['next', {}]]);
    expect(log.of('error')).toEqual([
      'Dropped a message on "own.event": not the magic byte',
      'Dropped a message on "own.event": not the magic byte',
    ]);
  });

  it('has no payload in its log line, its telemetry and its errors when JSON.parse fails', async () => {
    const parsing: Codec = {
      encode: (value) => {
        if (value === 'bad' || Reflect.get(Object(value) as object, 'data') === 'bad') {
          return JSON.parse('s3cret') as string;
        }
        return JSON.stringify(value);
      },
      decode: (payload) => JSON.parse(Buffer.from(payload).toString()) as unknown,
    };
    const drops: unknown[] = [];
    const onDrop = (event: unknown): void => void drops.push(event);
    subscribe('nestjs-redis-pubsub:drop', onDrop);
    const { log } = await start(parsing);
    await redis.client.publish('own.event', 's3cret');
    await eventually(() => log.of('error').length > 0);
    unsubscribe('nestjs-redis-pubsub:drop', onDrop);
    const error = await lastValueFrom(connect(parsing).emit('own.event', 'bad')).catch(
      (it: unknown) => it,
    );
    expect(log.of('error')).toEqual([
      'Dropped a message on "own.event": the codec or a hook threw a SyntaxError, as JSON.parse does',
    ]);
    expect(error).toBeInstanceOf(PayloadError);
    expect(drops).toHaveLength(1);
    expect(inspect([log.lines, drops, error], { depth: 9 })).not.toContain('s3cret');
  });

  it('ignores a reply that it cannot decode, and decodes the next one', async () => {
    await start(binary);
    const client = connect(binary);
    expect(await lastValueFrom(client.send('ask.double', 1))).toBe(2);
    const [inbox = ''] = (await redis.client.pubsub('CHANNELS', '_pubsub.inbox.*')) as string[];
    expect(await redis.client.publish(inbox, 'plain text')).toBe(1);
    expect(await lastValueFrom(client.send('ask.double', 2))).toBe(4);
  });

  it('rejects with an error that names the channel when encode throws', async () => {
    const broken = {
      ...binary,
      encode: () => {
        throw new Error('out of ink');
      },
    };
    const client = connect(broken);
    const error = await lastValueFrom(client.emit('own.event', 1)).catch((it: unknown) => it);
    expect(error).toBeInstanceOf(PayloadError);
    expect(String(error)).toContain('Cannot encode the message to "own.event": out of ink');
    expect((error as Error).cause).toEqual(new Error('out of ink'));
  });

  it.each([
    ['resolves', () => Promise.resolve('late')],
    ['rejects', () => Promise.reject(new Error('out of ink'))],
  ])('rejects with an error when encode returns a promise that %s', async (_, promise) => {
    const client = connect({ ...binary, encode: promise as unknown as () => string });
    const error = await lastValueFrom(client.emit('own.event', 1)).catch((it: unknown) => it);
    expect(error).toBeInstanceOf(PayloadError);
    expect(String(error)).toContain(
      'Cannot encode the message to "own.event": Expected encode to be synchronous, got a promise',
    );
  });

  it.each([
    ['resolves', (value: unknown) => Promise.resolve(value)],
    ['rejects', () => Promise.reject(new Error('unreadable'))],
  ])('drops and logs a message when decode returns a promise that %s', async (_, promise) => {
    const decode = (payload: Uint8Array): unknown => {
      const value = binary.decode(payload);
      return JSON.stringify(value).includes('late') ? promise(value) : value;
    };
    const { log } = await start({ ...binary, decode });
    const client = connect(binary);
    await firstValueFrom(client.emit('own.event', 'late'));
    await firstValueFrom(client.emit('own.event', 'next'));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['next', {}]]);
    expect(log.of('error')).toEqual([
      'Dropped a message on "own.event": Expected decode to be synchronous, got a promise',
    ]);
  });

  it.each<{ encoded: unknown }>([
    { encoded: undefined },
    { encoded: null },
    { encoded: 5 },
    { encoded: {} },
    { encoded: ['a'] },
  ])(
    'rejects with an error that names the channel when encode returns $encoded',
    async ({ encoded }) => {
      const broken = { ...binary, encode: () => encoded as string };
      const client = connect(broken);
      const error = await lastValueFrom(client.emit('own.event', 1)).catch((it: unknown) => it);
      expect(error).toBeInstanceOf(PayloadError);
      expect(String(error)).toContain('own.event');
    },
  );

  it('may encode to text', async () => {
    const text: Codec = {
      encode: (value) => `v1 ${JSON.stringify(value)}`,
      decode: (payload) => JSON.parse(Buffer.from(payload).toString().slice(3)) as unknown,
    };
    await start(text);
    const payloads = await rawBytes('own.text');
    await firstValueFrom(connect(text).emit('own.text', 'é🎉'));
    await eventually(() => seen.length > 0 && payloads.length > 0);
    expect(seen).toEqual([['é🎉', {}]]);
    expect(String(payloads[0])).toMatch(
      /^v1 \{"pattern":"own\.text","data":"é🎉","mid":"[\w-]{8}\.1-1"\}$/u,
    );
  });
});
