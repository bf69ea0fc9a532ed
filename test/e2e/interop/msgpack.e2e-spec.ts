import { Controller, Injectable } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { firstValueFrom, lastValueFrom, of, toArray } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  PayloadError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  RedisPubSubService,
  Subscribe,
  type RedisPubSubContext,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { msgpack } from 'nestjs-redis-pubsub/msgpack';
import { createClient, startService } from '../../support/app.js';
import { IN_MEMORY } from '../../support/in-memory.js';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf, startContext } from '../module/apps.js';

const seen: unknown[] = [];
const VALUE = {
  text: 'é🎉',
  bytes: Buffer.from([0, 255, 13, 10]),
  at: new Date(1_780_000_000_123),
  big: 2n ** 60n,
  numbers: [NaN, Infinity, 1.5, -1],
  nothing: null,
};

@Controller()
class Service {
  @EventPattern<string>('pack.*')
  event(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    seen.push([data, context.getHeaders(), context.getMessageId()]);
  }

  @MessagePattern('ask.same')
  same(@Payload() data: unknown) {
    return data;
  }

  @MessagePattern('ask.stream')
  stream() {
    return of(VALUE, [1], null);
  }

  @MessagePattern('ask.fail')
  fail() {
    throw new RpcException({ code: 'SOLD_OUT', left: 0n });
  }

  @MessagePattern('ask.map')
  map() {
    return new Map();
  }
}

describe('MessagePack', () => {
  const redis = useRedis();
  const codec = msgpack();
  const start = () =>
    startService({ module: class {}, controllers: [Service] }, { connection: redis.url, codec });
  const connect = () => createClient({ connection: redis.url, codec });

  beforeEach(() => {
    seen.length = 0;
  });

  it('carries events with bytes, dates, BigInt, headers and message ids', async () => {
    await start();
    const client = connect();
    const record = new RedisPubSubRecordBuilder(VALUE).setHeader('trace', 't').build();
    expect(await firstValueFrom(client.emit('pack.event', record))).toBe(1);
    await firstValueFrom(client.emit('pack.event', Buffer.from('whole')));
    await eventually(() => seen.length === 2);
    expect(seen).toEqual([
      [VALUE, { trace: 't' }, expect.stringMatching(/^[\w-]{8}\.1-1$/)],
      [Buffer.from('whole'), {}, expect.stringMatching(/^[\w-]{8}\.1-2$/)],
    ]);
  });

  it('carries requests, streams and errors', async () => {
    const { log } = await start();
    const client = connect();
    expect(await lastValueFrom(client.send('ask.same', VALUE))).toEqual(VALUE);
    const values$ = client.send('ask.stream', 1).pipe(toArray());
    expect(await lastValueFrom(values$)).toEqual([VALUE, [1], null]);
    expect(await failureOf(lastValueFrom(client.send('ask.fail', 1)))).toEqual({
      code: 'SOLD_OUT',
      left: 0n,
    });
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, i) => lastValueFrom(client.send('ask.same', i + 1))),
    );
    expect(replies).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(await failureOf(lastValueFrom(client.send('ask.map', 1)))).toEqual({
      status: 'error',
      message: 'Internal server error',
    });
    expect(log.of('error').join('\n')).toContain('MessagePack has no form for response: Map');
  });

  it('refuses data that would not arrive as it is', async () => {
    const error = await failureOf(lastValueFrom(connect().emit('pack.event', { a: new Set() })));
    expect(error).toBeInstanceOf(PayloadError);
    expect(error.message).toBe(
      'Cannot encode the message to "pack.event": MessagePack has no form for data.a: Set',
    );
  });

  it('drops what is not MessagePack, without its text in the log', async () => {
    const { log } = await start();
    await redis.client.publish('pack.event', '{"s3cret":1}');
    await redis.client.publish('pack.event', Buffer.from('d4720181a173', 'hex'));
    await firstValueFrom(connect().emit('pack.event', 'next'));
    await eventually(() => seen.length > 0);
    expect(seen).toHaveLength(1);
    expect(log.of('error')).toEqual([
      'Dropped a message on "pack.event": Expected MessagePack',
      'Dropped a message on "pack.event": Expected MessagePack',
    ]);
  });

  it.runIf(!IN_MEMORY)('is read by other clients, and read of them', async () => {
    await start();
    const subscriber = redis.client.duplicate();
    const payloads: Buffer[] = [];
    subscriber.on('messageBuffer', (_channel, payload: Buffer) => payloads.push(payload));
    await subscriber.subscribe('pack.event');
    await firstValueFrom(connect().emit('pack.event', 1));
    await eventually(() => payloads.length === 1);
    await subscriber.quit();
    // { pattern: 'pack.event', data: 1, mid: … }, written by hand.
    const text = payloads[0]?.toString('latin1') ?? '';
    expect(text.slice(0, 27)).toBe('\x83\xa7pattern\xaapack.event\xa4data\x01\xa3');
    await redis.client.publish(
      'pack.event',
      Buffer.from('\x82\xa4data\x02\xa7pattern\xaapack.event', 'latin1'),
    );
    await redis.client.publish('pack.event', Buffer.from('\x81\xa1a\x03', 'latin1'));
    await eventually(() => seen.length === 3);
    expect(seen.slice(1)).toEqual([
      [2, {}, undefined],
      [{ a: 3 }, {}, undefined],
    ]);
  });
});

describe('a fleet that changes its codec from JSON to MessagePack', () => {
  const redis = useRedis();

  /** An instance of the fleet: an application that handles, observes, asks and emits. */
  async function startInstance(name: string, options: RedisPubSubModuleOptions) {
    const received: string[] = [];
    const observed: string[] = [];
    @Injectable()
    class Handlers {
      @Subscribe('fleet.:from')
      on(@Payload() { from, n }: { from: string; n: number }) {
        received.push(`${from} ${n}`);
      }

      @MessagePattern(`ask.${name}`)
      answer({ n }: { n: number }) {
        return of({ name, n }, { name, n: n + 1 });
      }
    }
    const { app, log } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...options })],
      providers: [Handlers],
    });
    const service = app.get(RedisPubSubService);
    await service.subscribePattern<{ from: string; n: number }>('fleet.*', ({ data }) => {
      observed.push(`${data.from} ${data.n}`);
    });
    const client = app.get(RedisPubSubClient);
    return { name, client, service, received, observed, log };
  }

  const STEPS = {
    old: {},
    prepared: { accepts: [msgpack()] },
    changed: { codec: msgpack(), accepts: ['envelope'] },
    done: { codec: msgpack() },
  } satisfies Record<string, RedisPubSubModuleOptions>;
  type Step = keyof typeof STEPS;

  it.each<[Step, Step]>([
    ['old', 'prepared'],
    ['prepared', 'changed'],
    ['changed', 'done'],
  ])('loses and misreads nothing between instances that are %s and %s', async (one, other) => {
    const fleet = await Promise.all(
      [one, one, other, other].map((step, at) => startInstance(`${step}${at}`, STEPS[step])),
    );
    const expected: string[] = [];
    for (let n = 0; n < 50; n++) {
      for (const { name, client, service } of fleet) {
        expected.push(`${name} ${n}`);
        const data = { from: name, n };
        if (n % 2 === 0) await service.publish(`fleet.${name}`, data);
        else await firstValueFrom(client.emit(`fleet.${name}`, data));
      }
    }
    await eventually(() => fleet.every(({ observed }) => observed.length >= expected.length));
    await eventually(() => fleet.every(({ received }) => received.length >= expected.length));
    for (const { received, observed, log } of fleet) {
      expect(received.toSorted()).toEqual(expected.toSorted());
      expect(observed.toSorted()).toEqual(expected.toSorted());
      expect(log.of('error')).toEqual([]);
    }
    for (const { client } of fleet) {
      const asked = fleet.flatMap(({ name }) =>
        [1, 10].map((n) => lastValueFrom(client.send(`ask.${name}`, { n }).pipe(toArray()))),
      );
      expect(await Promise.all(asked)).toEqual(
        fleet.flatMap(({ name }) =>
          [1, 10].map((n) => [
            { name, n },
            { name, n: n + 1 },
          ]),
        ),
      );
    }
  });

  it('would lose messages without "accepts"', async () => {
    const old = await startInstance('old', STEPS.old);
    const done = await startInstance('done', STEPS.done);
    await old.service.publish('fleet.old', { from: 'old', n: 1 });
    await done.service.publish('fleet.done', { from: 'done', n: 1 });
    await eventually(() => done.received.length > 0 && old.observed.length > 1);
    expect(done.received).toEqual(['done 1']);
    expect(old.received).not.toContain('done 1');
  });

  it('still reads what other clients publish', async () => {
    const instance = await startInstance('changed', STEPS.changed);
    await redis.client.publish('fleet.x', '{"from":"json","n":1}');
    await instance.service.publish('fleet.x', { from: 'format', n: 2 }, { format: 'json' });
    await eventually(() => instance.received.length === 2);
    expect(instance.received).toEqual(['json 1', 'format 2']);
  });
});
