import {
  Catch,
  Controller,
  UseFilters,
  UseInterceptors,
  type RpcExceptionFilter,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom, Observable, throwError, timeout } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  type HandlerOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { hostileValues } from '../../support/hostile-values.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const VALUES = new Map(hostileValues());

class Rethrown extends Error {
  constructor(override readonly name: string) {
    super();
  }
}

@Catch(Rethrown)
class HostileFilter implements RpcExceptionFilter {
  catch({ name }: Rethrown): Observable<never> {
    throw VALUES.get(name);
  }
}

@Catch(Rethrown)
class HostileStreamFilter implements RpcExceptionFilter {
  catch({ name }: Rethrown): Observable<never> {
    return throwError(() => VALUES.get(name));
  }
}

/** How a handler fails with a value, or returns it. */
const WAYS: Record<string, (value: unknown, name: string) => unknown> = {
  throws: (value) => {
    throw value;
  },
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the value is what the test is about
  rejects: (value) => Promise.reject(value),
  'returns a stream that fails with': (value) => throwError(() => value),
  'returns a stream that throws': (value) =>
    new Observable(() => {
      throw value;
    }),
  'returns a stream that fails later with': (value) =>
    new Observable((subscriber) => {
      subscriber.next(1);
      setImmediate(() => subscriber.error(value));
    }),
  'returns a stream of': (value) =>
    new Observable((subscriber) => {
      subscriber.next(value);
      setImmediate(() => subscriber.complete());
    }),
  'passes to a filter that throws': (_value, name) => {
    throw new Rethrown(name);
  },
};

const isThenable = (name: string): boolean => name.includes('then');

const bounded = { concurrency: 1, order: 'channel' } satisfies HandlerOptions;
const next: string[] = [];

function handle({ way, name }: { way: string; name: string }): unknown {
  if (way === 'next') return next.push(name);
  return way === 'returns' ? VALUES.get(name) : WAYS[way]?.(VALUES.get(name), name);
}

@Controller()
@UseFilters(HostileFilter)
class Handlers {
  @EventPattern<string>('hostile.event', { ...bounded })
  event(@Payload() data: never) {
    return handle(data);
  }

  @MessagePattern('hostile.request', { ...bounded })
  request(@Payload() data: never) {
    return handle(data);
  }

  @UseFilters(HostileStreamFilter)
  @MessagePattern('hostile.filtered')
  filtered(@Payload() data: never) {
    return handle(data);
  }

  @UseInterceptors({
    intercept: (context) => WAYS.throws?.(failureOf(context.getArgs()[0]), '') as never,
  })
  @MessagePattern('hostile.intercepted')
  intercepted() {
    return 'not called';
  }
}

const failureOf = (data: unknown): unknown => VALUES.get((data as { name: string }).name);

const handleRaw = async (data: unknown): Promise<unknown> => handle(data as never);

describe('a value that fails when it is read', () => {
  const redis = useRedis();
  const crashes: unknown[] = [];
  const onCrash = (error: unknown): void => void crashes.push(error);

  beforeEach(() => {
    crashes.length = next.length = 0;
    process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);
  });

  afterEach(() => {
    process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash);
  });

  const start = async () => {
    const { log, app } = await startService(
      { module: class {}, controllers: [Handlers] },
      { connection: redis.url },
    );
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    return { log, app, client };
  };

  it.each(Object.keys(WAYS))(
    'leaves the process and the place in the queue when an event handler %s it',
    async (way) => {
      const { client } = await start();
      for (const name of VALUES.keys()) {
        await firstValueFrom(client.emit('hostile.event', { way, name }));
        await firstValueFrom(client.emit('hostile.event', { way: 'next', name }));
      }
      await eventually(() => next.length === VALUES.size);
      expect(next).toEqual([...VALUES.keys()]);
      expect(crashes).toEqual([]);
    },
  );

  it.each(Object.keys(WAYS).filter((way) => way !== 'returns a stream of'))(
    'is answered with an error when a request handler %s it',
    async (way) => {
      const { client } = await start();
      for (const name of VALUES.keys()) {
        const { error } = await outcomeOf(client.send('hostile.request', { way, name }));
        expect([name, error]).not.toEqual([name, undefined]);
        expect([name, (error as { code?: string }).code]).toEqual([name, undefined]);
        await firstValueFrom(client.emit('hostile.event', { way: 'next', name }));
      }
      await eventually(() => next.length === VALUES.size);
      expect(crashes).toEqual([]);
    },
  );

  it.each(['hostile.filtered', 'hostile.intercepted'])(
    'is answered with an error when a filter or an interceptor throws it: %s',
    async (pattern) => {
      const { client } = await start();
      const way = 'passes to a filter that throws';
      for (const name of VALUES.keys()) {
        const { error } = await outcomeOf(client.send(pattern, { way, name }));
        expect([name, error]).not.toEqual([name, undefined]);
        expect([name, (error as { code?: string }).code]).toEqual([name, undefined]);
      }
      expect(crashes).toEqual([]);
    },
  );

  it('is answered when a request handler returns it', async () => {
    const { client } = await start();
    for (const name of [...VALUES.keys()].filter((it) => !isThenable(it))) {
      // An error, or a reply: what counts is that there is one.
      await outcomeOf(
        client.send('hostile.request', { way: 'returns', name }).pipe(timeout(4_000)),
      );
      const { values } = await outcomeOf(client.send('hostile.request', { way: 'next', name }));
      expect([name, values]).toEqual([name, [expect.any(Number)]]);
    }
    expect(crashes).toEqual([]);
  });

  it('is answered with an error when a handler without Nest fails with it', async () => {
    const log = captureLog();
    const server = new RedisPubSubServer({ connection: redis.url });
    closeAfterTest(() => server.close());
    server.addHandler('hostile.raw', handleRaw as never, false, bounded);
    await new Promise((resolve) => server.listen(resolve));
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    for (const way of Object.keys(WAYS).filter((it) => it !== 'returns a stream of')) {
      for (const name of VALUES.keys()) {
        const { error } = await outcomeOf(client.send('hostile.raw', { way, name }));
        expect([way, name, error]).not.toEqual([way, name, undefined]);
        expect([way, name, (error as { code?: string }).code]).toEqual([way, name, undefined]);
      }
    }
    expect(crashes).toEqual([]);
    expect(log.of('error').length).toBeGreaterThan(0);
  });

  it('leaves the process when a handler of subscribe fails with it', async () => {
    const log = captureLog();
    const app = await NestFactory.createApplicationContext(
      { module: class {}, imports: [RedisPubSubModule.forRoot({ connection: redis.url })] },
      { logger: log },
    );
    closeAfterTest(() => app.close());
    const service = app.get(RedisPubSubService);
    await service.subscribe('hostile.subscribed', ({ data }) => handle(data as never));
    for (const way of ['throws', 'rejects', 'next']) {
      for (const name of VALUES.keys()) await service.publish('hostile.subscribed', { way, name });
    }
    await eventually(() => next.length === VALUES.size);
    expect(crashes).toEqual([]);
  });
});
