import { Controller, Injectable } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import {
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  RedisPubSubServer,
  Subscribe,
  type HandlerOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, startService } from '../../support/app.js';
import { useRedis } from '../../support/redis.js';
import { errorOf, refusalOf, type Refusal } from './refusal.js';

describe('an invalid option of a handler', () => {
  const redis = useRedis();

  it.each<Refusal>([
    ['concurrency', 0, 'an integer ≥ 1, got 0'],
    ['concurrency', -1, 'got -1'],
    ['concurrency', 1.5, 'got 1.5'],
    ['concurrency', '1', 'got "1"'],
    ['concurrency', Number.NaN, 'got NaN'],
    ['concurrency', null, 'got null'],
    ['order', 'global', '"channel", got "global"'],
    ['order', true, 'got true'],
    ['order', null, 'got null'],
    ['maxQueue', -1, 'an integer ≥ 0, got -1'],
    ['maxQueue', 0.5, 'got 0.5'],
    ['maxQueue', '10', 'got "10"'],
    ['overflow', 'drop', '"drop-newest" or "latest", got "drop"'],
    ['overflow', null, 'got null'],
    ['maxQueueBytes', -1, 'an integer ≥ 0, got -1'],
    ['maxQueueBytes', 5, 'together with "concurrency" or "order", got "neither"'],
    ['maxQueue', 5, 'together with "concurrency" or "order", got "neither"'],
    ['overflow', 'drop-newest', 'together with "concurrency" or "order", got "neither"'],
  ])('is rejected before the start: %s as %o', async (...refusal) => {
    const extras = { [refusal[0]]: refusal[1] } as HandlerOptions;
    class Handlers {
      handle(): void {}
    }
    const descriptor = Object.getOwnPropertyDescriptor(Handlers.prototype, 'handle') ?? {};
    EventPattern('x', extras)(Handlers.prototype, 'handle', descriptor as never);
    Controller()(Handlers);
    Injectable()(Handlers);

    const server = new RedisPubSubServer({ connection: redis.url });
    closeAfterTest(() => server.close());
    expect(
      errorOf(() => server.addHandler('x', async () => {}, true, extras as never)),
    ).toMatchObject(refusalOf(refusal));

    const inController = startService(
      { module: class {}, controllers: [Handlers] },
      { connection: redis.url },
    );
    await expect(inController).rejects.toMatchObject(refusalOf(refusal));
    await expect(inController).rejects.toThrow(/ \(in the decorator of Handlers\.handle\)$/);

    const inProvider = NestFactory.createApplicationContext(
      {
        module: class {},
        imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
        providers: [Handlers],
      },
      { logger: captureLog(), abortOnError: false },
    );
    await expect(inProvider).rejects.toMatchObject(refusalOf(refusal));
    await expect(inProvider).rejects.toThrow(/ \(in the decorator of Handlers\.handle\)$/);
  });
});

const decorate = (target: object, method: string, ...args: [unknown, object]): void => {
  const descriptor = Object.getOwnPropertyDescriptor(target, method) ?? {};
  (EventPattern as (...all: unknown[]) => MethodDecorator)(...args)(target, method, descriptor);
};

describe('an error in the decorator of a handler', () => {
  const redis = useRedis();

  it.each([
    ['no pattern', undefined, {}, 'Expected a channel name to be a string, got undefined'],
    ['null', null, {}, 'Expected a channel name to be a string, got object'],
    ['an empty pattern', '', {}, 'Expected a channel name, got an empty string'],
    ['a repeated parameter', 'a.:id.:id', {}, ''],
    ['a reserved channel', '_pubsub.x', {}, 'Expected a channel outside the reserved "_pubsub."'],
    ['a symbol', Symbol('x'), {}, 'Cannot convert a Symbol value to a string'],
    ['a sharded glob', 'a.*', { sharded: true }, ''],
    [
      'a misspelt option',
      'a',
      { concurency: 1 },
      'Unknown handler option "concurency": did you mean "concurrency"?',
    ],
  ])('names the class and the method: %s', async (_, pattern, extras, text) => {
    class Good {
      handle(): void {}
    }
    class Orders {
      first(): void {}
      second(): void {}
    }
    decorate(Good.prototype, 'handle', 'good', {});
    decorate(Orders.prototype, 'first', 'first', {});
    decorate(Orders.prototype, 'second', pattern, extras);
    for (const type of [Good, Orders]) {
      Controller()(type);
      Injectable()(type);
    }
    const inControllers = startService(
      { module: class {}, controllers: [Good, Orders] },
      { connection: redis.url },
    );
    const error: unknown = await inControllers.catch((thrown: unknown) => thrown);
    expect((error as Error).message).toMatch(/ \(in the decorator of Orders\.second\)$/);
    expect((error as Error).message).toContain(text);
    expect((error as Error).stack).toContain('(in the decorator of Orders.second)');
    const inProviders = NestFactory.createApplicationContext(
      {
        module: class {},
        imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
        providers: [Good, Orders],
      },
      { logger: captureLog(), abortOnError: false },
    );
    await expect(inProviders).rejects.toThrow(/ \(in the decorator of Orders\.second\)$/);
  });
});

describe('@Subscribe', () => {
  class Orders {
    onPaid(): void {}
  }
  const subscribe = (...args: unknown[]): void => {
    const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, 'onPaid') ?? {};
    const decorator = (Subscribe as (...all: unknown[]) => MethodDecorator)(...args);
    decorator(Orders.prototype, 'onPaid', descriptor);
  };

  it.each([
    ['null in the place of options', ['a', null], 'to be an object, got null'],
    ['text in the place of options', ['a', 'b'], 'to be an object, got "b"'],
    ['a second pattern in an array in the place of options', ['a', ['b']], 'got an array'],
    ['a symbol', [Symbol('x')], 'Expected a channel name or a pattern, got Symbol(x)'],
    ['a symbol among others', [['a', Symbol('x')]], 'got Symbol(x)'],
    ['an empty array', [[]], 'Expected a channel name or a pattern, got an empty array'],
  ])('names the class and the method where it gets %s', (_, args, text) => {
    const error = errorOf(() => subscribe(...args)) as Error;
    expect(error.message).toContain('Orders.onPaid');
    expect(error.message).toContain(text);
  });
});

describe('a pattern that no channel matches', () => {
  const redis = useRedis();

  it.each([[/x/], [new Date(0)], [new Map()], [[['a']]]])(
    'is warned about with class and method: %o',
    async (pattern) => {
      class Orders {
        onPaid(): void {}
      }
      decorate(Orders.prototype, 'onPaid', pattern, {});
      Injectable()(Orders);
      const logger = captureLog();
      const app = await NestFactory.createApplicationContext(
        {
          module: class {},
          imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
          providers: [Orders],
        },
        { logger },
      );
      closeAfterTest(() => app.close());
      expect(logger.of('warn').join()).toMatch(/^The pattern ".+" of Orders.onPaid may not mean/);
    },
  );
});

const builder = () => new RedisPubSubRecordBuilder(1);

describe('an invalid argument of the record builder', () => {
  it.each([
    ['header name', '', () => builder().setHeader('', 'x')],
    ['header name', 5, () => builder().setHeader(5 as unknown as string, 'x')],
    ['header a', 5, () => builder().setHeader('a', 5 as unknown as string)],
    ['header a', undefined, () => builder().setHeaders({ a: undefined as unknown as string })],
    ['timeout', -1, () => builder().setTimeout(-1)],
    ['timeout', '5', () => builder().setTimeout('5' as unknown as number)],
    ['timeout', Infinity, () => builder().setTimeout(Infinity)],
  ])('throws InvalidOptionError: %s as %o', (option, value, build) => {
    const got = typeof value === 'string' ? `got "${value}"` : `got ${value}`;
    expect(errorOf(build)).toMatchObject(refusalOf([option, value, got]));
  });
});
