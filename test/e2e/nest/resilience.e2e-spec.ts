import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { finalize, firstValueFrom, NEVER, Subject, tap, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  InvalidOptionError,
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventHandlers, requestHandler } from '../../support/handlers.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';

/** An error whose stack throws when it is read. */
class Unprintable extends Error {
  override get stack(): string {
    throw new Error('no stack for you');
  }
}

@Controller()
class Handlers {
  @MessagePattern('double')
  double(value: number) {
    return value * 2;
  }

  @EventPattern<string>('unprintable')
  fail() {
    throw new Unprintable();
  }
}

const fail = (): never => {
  throw new Error('no');
};

/** Subscribes, and gives the replies so far and the outcome. */
function collect(replies$: Observable<unknown>) {
  const received: unknown[] = [];
  const outcome = outcomeOf(replies$.pipe(tap((reply) => received.push(reply))));
  return { received, outcome };
}

const service = { module: class {}, controllers: [Handlers] };

describe('a service', () => {
  const redis = useRedis();

  it('still answers requests after Redis forbids another channel of the process', async () => {
    const user = ['ACL', 'SETUSER', 'shared'] as const;
    await redis.client.call(...user, 'on', '>secret', 'allchannels', '+@all');
    const connection = { port: redis.port, username: 'shared', password: 'secret' };
    const app = await NestFactory.createApplicationContext(
      { module: class {}, imports: [RedisPubSubModule.forRoot({ connection })] },
      { logger: false },
    );
    closeAfterTest(() => app.close());
    const { log } = await startService(service, { connection: redis.url });
    await app.get(RedisPubSubService).subscribe('secret', () => undefined);
    const client = app.get(RedisPubSubClient);
    expect(await firstValueFrom(client.send('double', 1))).toBe(2);
    // With this change Redis closes the connections of the user.
    await redis.client.call(...user, 'resetchannels', '&double', '&_pubsub.*');
    await eventually(() => log.of('error').some((line) => line.includes('"secret"')));
    await eventually(async () => {
      const reply = firstValueFrom(client.send<number>('double', 2)).catch(() => 0);
      return (await reply) === 4;
    });
  });

  it('still answers requests after an error that cannot be printed', async () => {
    const { log } = await startService(service, { connection: redis.url });
    const client = createClient({ connection: redis.url });
    await firstValueFrom(client.emit('unprintable', 1));
    await eventually(() => log.of('error').length + log.of('warn').length > 0);
    expect(await firstValueFrom(client.send('double', 4))).toBe(8);
  });

  it('escapes control characters of a channel in its log', async () => {
    const handlers = eventHandlers({ 'forged.*': fail });
    const { log } = await startService(handlers, { connection: redis.url });
    await redis.client.publish('forged.a\n[Nest] 1  - LOG \u001b[32mAll is well\u2028', '1');
    await eventually(() => log.of('error').length > 0);
    expect(log.of('error').join()).toContain(
      'failed on "forged.a\\u000a[Nest] 1  - LOG \\u001b[32mAll is well\\u2028"',
    );
  });

  it('continues a stream after the connection is lost before Redis acknowledges a reply', async () => {
    const values = new Subject<number>();
    const proxy = await startProxy(redis.port);
    const { server, log } = await startService(
      requestHandler('resilience.stream', () => values),
      { connection: proxy.url },
    );
    const statuses: string[] = [];
    server.status.subscribe((status) => statuses.push(status));
    const client = createClient({ connection: redis.url });
    const { received, outcome } = collect(client.send('resilience.stream', {}));
    await eventually(() => values.observed);
    values.next(1);
    await eventually(() => received.length === 1);
    proxy.swallow(['toClient']);
    values.next(2);
    await eventually(() => received.length === 2);
    proxy.cut();
    proxy.forward();
    await eventually(() => log.of('error').some((line) => line.includes('Cannot reply')));
    await eventually(() => statuses.includes('reconnecting') && statuses.at(-1) === 'connected');
    values.next(3);
    values.complete();
    expect(await outcome).toEqual({ values: [1, 2, 3] });
  });

  it('continues a stream after its client has missed a reply during an outage', async () => {
    const values = new Subject<number>();
    await startService(
      requestHandler('resilience.unheard', () => values),
      { connection: redis.url },
    );
    const proxy = await startProxy(redis.port);
    const client = createClient({ connection: proxy.url });
    const statuses: string[] = [];
    client.status.subscribe((status) => statuses.push(status));
    const { received, outcome } = collect(client.send('resilience.unheard', {}));
    await eventually(() => values.observed);
    values.next(1);
    await eventually(() => received.length === 1);
    await proxy.stop();
    await eventually(async () => (await redis.client.pubsub('CHANNELS', '*.inbox.*')).length === 0);
    values.next(2);
    await proxy.start();
    await eventually(() => statuses.includes('reconnecting') && statuses.at(-1) === 'connected');
    values.next(3);
    values.complete();
    expect(await outcome).toEqual({ values: [1, 3] });
  });

  it('logs an error when Redis refuses to unsubscribe', async () => {
    const rights = ['on', '>secret', 'allchannels', '+@all', '-unsubscribe', '-punsubscribe'];
    await redis.client.call('ACL', 'SETUSER', 'clinging', ...rights);
    const connection = { port: redis.port, username: 'clinging', password: 'secret' };
    const { server, log } = await startService(service, { connection });
    await server.drain();
    await eventually(() => log.of('error').length > 0);
    expect(log.of('error')).toEqual([expect.stringContaining('refused to unsubscribe')]);
  });
});

describe('drain()', () => {
  const redis = useRedis();

  it('runs once, although both the module and Nest call it', async () => {
    let drains = 0;
    @Module({ imports: [RedisPubSubModule.forRoot({ connection: redis.url })] })
    class AppModule {}
    const app = await NestFactory.createMicroservice(AppModule, {
      inject: [RedisPubSubServer],
      useFactory: (strategy: RedisPubSubServer) => ({ strategy }),
      logger: false,
    });
    await app.listen();
    const server = app.get(RedisPubSubServer);
    const first = server.drain();
    void first.then(() => drains++);
    expect(server.drain()).toBe(first);
    await app.close();
    expect(drains).toBe(1);
  });
});

describe('closing a server with running streams', () => {
  const redis = useRedis();

  it('rejects all their requests and logs the error if a teardown throws', async () => {
    let running = 0;
    const endless = (): Observable<unknown> => {
      running++;
      return NEVER.pipe(
        finalize(() => {
          throw new Error('torn');
        }),
      );
    };
    const options = { connection: redis.url, shutdownTimeout: 10 };
    const { app, log } = await startService(requestHandler('closing.endless', endless), options);
    const client = createClient({ connection: redis.url });
    const outcomes = [1, 2].map((n) => outcomeOf(client.send('closing.endless', n)));
    await eventually(() => running === 2);
    await app.close();
    expect(await Promise.all(outcomes)).toEqual(
      [1, 2].map(() => ({
        values: [],
        error: { status: 'error', message: 'The service was closed' },
      })),
    );
    expect(log.of('error').filter((line) => line.includes('torn'))).toHaveLength(2);
    await redis.subscribers('closing.endless', 0);
  });
});

describe('an option with an unknown name', () => {
  it.each([
    ['server', (options: object) => new RedisPubSubServer(options)],
    ['client', (options: object) => new RedisPubSubClient(options)],
    ['module', (options: object) => RedisPubSubModule.forRoot(options)],
  ])('throws InvalidOptionError, which names it, for the %s', (_, create) => {
    expect(() => create({ conection: 'redis://localhost' })).toThrow(InvalidOptionError);
    expect(() => create({ conection: 'redis://localhost' })).toThrow('"conection"');
  });
});
