import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  ChannelParam,
  InvalidChannelError,
  RedisPubSubContext,
  RedisPubSubModule,
  RedisPubSubService,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen: unknown[] = [];
const LONG = 'l'.repeat(64 * 1024);

@Controller()
class Odd {
  @EventPattern<string>('__proto__')
  proto(@Ctx() context: RedisPubSubContext) {
    seen.push(['literal', context.getChannel()]);
  }

  @EventPattern<string>('constructor')
  construct(@Ctx() context: RedisPubSubContext) {
    seen.push(['literal', context.getChannel()]);
  }

  @EventPattern<string>(LONG)
  long(@Ctx() context: RedisPubSubContext) {
    seen.push(['literal', context.getChannel()]);
  }

  @EventPattern<string>('*')
  all(@Ctx() context: RedisPubSubContext) {
    seen.push(['glob', context.getChannel()]);
  }

  @EventPattern<string>('odd.:__proto__.:constructor')
  params(
    @ChannelParam('__proto__') proto: unknown,
    @ChannelParam('constructor') construct: unknown,
    @ChannelParam('toString') missing: unknown,
  ) {
    seen.push(['params', proto, construct, missing]);
  }

  @MessagePattern('toString')
  ask(@Payload() data: unknown) {
    return { got: data };
  }
}

/** The error of a call that throws, or whose promise rejects. */
const errorOf = async (act: () => Promise<unknown>): Promise<unknown> => {
  try {
    return { value: await act() };
  } catch (error) {
    return error;
  }
};

describe('a channel name', () => {
  const redis = useRedis();

  beforeEach(() => {
    seen.length = 0;
  });

  const startModule = async (controllers = [Odd], prefix = ''): Promise<RedisPubSubService> => {
    const app = await NestFactory.createApplicationContext(
      {
        module: class {},
        imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix })],
        controllers,
      },
      { logger: captureLog(), abortOnError: false },
    );
    closeAfterTest(() => app.close());
    return app.get(RedisPubSubService);
  };

  const refused: { name: string; channel: unknown }[] = [
    { name: 'empty', channel: '' },
    { name: 'a lone high surrogate', channel: 'user.\ud83c' },
    { name: 'a lone low surrogate', channel: '\udf89.user' },
    { name: 'a boolean', channel: true },
    { name: 'a symbol', channel: Symbol('user') },
    { name: 'in the reserved segment', channel: '_pubsub.x' },
    { name: 'an inbox', channel: '_pubsub.inbox.0b6e' },
  ];
  const notText = [
    { name: 'a number', channel: 42 },
    { name: 'an object', channel: { user: 1 } },
    { name: 'an array', channel: ['user'] },
    { name: 'null', channel: null },
    { name: 'undefined', channel: undefined },
  ];

  it.each(refused)('that is $name is rejected by emit and send', async ({ channel }) => {
    const client = createClient({ connection: redis.url });
    const compat = createClient({ connection: redis.url, replies: 'compat' });
    for (const act of [
      () => firstValueFrom(client.emit(channel, 1)),
      () => firstValueFrom(client.send(channel, 1)),
      () => firstValueFrom(compat.send(channel, 1)),
    ]) {
      const error = await errorOf(act);
      expect(error).toBeInstanceOf(InvalidChannelError);
      expect(error).toMatchObject({ code: 'ERR_PUBSUB_INVALID_CHANNEL' });
    }
  });

  it.each([...refused, ...notText])(
    'that is $name is rejected by the service',
    async ({ channel }) => {
      const service = await startModule([]);
      const name = channel as string;
      const observed = async () => firstValueFrom(service.observe(name));
      expect(await errorOf(observed)).toBeInstanceOf(InvalidChannelError);
      const acts = [
        () => service.publish(name, 1),
        () => service.subscribe(name, () => undefined),
        () => service.subscriberCounts([name]),
      ];
      for (const act of acts) expect(await errorOf(act)).toBeInstanceOf(InvalidChannelError);
    },
  );

  it.each([...refused.slice(0, 5), ...notText])(
    'that is $name is rejected as a pattern',
    async ({ channel }) => {
      const service = await startModule([]);
      const name = channel as string;
      const observed = async () => firstValueFrom(service.observePattern(name));
      expect(await errorOf(observed)).toBeInstanceOf(InvalidChannelError);
      const subscribed = () => service.subscribePattern(name, () => undefined);
      expect(await errorOf(subscribed)).toBeInstanceOf(InvalidChannelError);
    },
  );

  it('that is invalid rejects the promise, and the call does not throw', async () => {
    const service = await startModule([]);
    const outcomes = [
      () => service.publish('', 1),
      () => service.subscriberCounts(''),
      () => service.channels(''),
      () => service.subscribe('', () => undefined),
      () => service.subscribePattern('', () => undefined),
    ];
    for (const outcome of outcomes) {
      await expect(outcome()).rejects.toBeInstanceOf(InvalidChannelError);
    }
  });

  it.each(['', 'user.\ud83c', '_pubsub.x', '_pubsub.inbox.0b6e', '_pubsub.*', '_pubsub.:x.*'])(
    'that is invalid in a handler fails the start of the service: %j',
    async (pattern) => {
      class Handlers {
        handle(): void {}
      }
      const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, 'handle') ?? {};
      EventPattern(pattern)(Handlers.prototype, 'handle', descriptor as never);
      Controller()(Handlers);
      const start = startService(
        { module: class {}, controllers: [Handlers] },
        { connection: redis.url },
      );
      expect(await start.catch((error: unknown) => error)).toBeInstanceOf(InvalidChannelError);
    },
  );

  it('that begins with the reserved segment only together with the prefix is rejected', async () => {
    const service = await startModule([], '_pub');
    const published = errorOf(() => service.publish('sub.inbox.1', 1));
    expect(await published).toBeInstanceOf(InvalidChannelError);
    expect(await service.publish('_pubsub.x', 1)).toBe(0);
  });

  it.each([
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['64 KiB', LONG],
  ])('may be %s', async (_, channel) => {
    const service = await startModule();
    await service.subscribe(channel, (message) => seen.push(['subscribe', message.channel]));
    service.observe(channel).subscribe((message) => seen.push(['observe', message.channel]));
    expect(await service.publish(channel, 1)).toBe(2);
    expect(await service.subscriberCounts(channel, 'toString')).toEqual(
      Object.fromEntries([
        [channel, 1],
        ['toString', 1],
      ]),
    );
    await eventually(() => seen.length >= 4);
    const kinds = ['glob', 'literal', 'observe', 'subscribe'];
    expect(seen.toSorted()).toEqual(kinds.map((kind) => [kind, channel]));
  });

  it('may be the name of a property of Object.prototype, in requests and parameters', async () => {
    const service = await startModule();
    const client = createClient({ connection: redis.url });
    expect(await lastValueFrom(client.send('toString', 1))).toEqual({ got: 1 });
    await service.publish('odd.a.b', 1);
    await eventually(() => seen.length >= 3);
    expect(seen).toContainEqual(['params', 'a', 'b', undefined]);
  });

  it('of 64 KiB is shortened in errors', async () => {
    const client = createClient({ connection: redis.url });
    const error = await errorOf(() => firstValueFrom(client.send(`no.${LONG}`, 1)));
    expect(String(error).length).toBeLessThan(500);
  });

  it('of 64 KiB is shortened in the log', async () => {
    const { log } = await startService(
      { module: class {}, controllers: [Odd] },
      { connection: redis.url },
    );
    for (const { text } of log.lines) expect(text.length).toBeLessThan(1_000);
  });

  it('with bytes that are not UTF-8 reaches globs, and later messages still arrive', async () => {
    await startModule();
    await redis.client.publish(Buffer.from([0x78, 0xff, 0xfe]), '1');
    await redis.client.publish(Buffer.from([0x00]), '1');
    await redis.client.publish('next', '1');
    await eventually(() => seen.length >= 3);
    expect(seen).toEqual([
      ['glob', 'x\ufffd\ufffd'],
      ['glob', '\0'],
      ['glob', 'next'],
    ]);
  });
});
