import { Controller, Injectable, Module, type NestInterceptor } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern, type AsyncMicroserviceOptions } from '@nestjs/microservices';
import { firstValueFrom, map } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { RedisPubSubServer } from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { eventHandlers } from '../../support/handlers.js';
import { linkStates, startHybrid } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const seen: unknown[] = [];

@Controller()
class Greeter {
  @MessagePattern('forms.greet')
  greet(name: string): string {
    return `Hello ${name}`;
  }

  @EventPattern('forms.event')
  onEvent(data: unknown): void {
    seen.push(data);
  }

  @EventPattern('forms.glob.*')
  onGlob(data: unknown): void {
    seen.push(data);
  }
}

const service = (): object => ({ module: class {}, controllers: [Greeter] });

describe('a server', () => {
  const redis = useRedis();
  beforeEach(() => {
    seen.length = 0;
  });

  const ask = async (options: object = {}): Promise<unknown> => {
    const client = createClient({ connection: redis.url, ...options });
    return firstValueFrom(client.send('forms.greet', 'you'));
  };

  it('handles events and requests as the strategy of a microservice', async () => {
    await startService(service(), { connection: redis.url });
    expect(await ask()).toBe('Hello you');
    await firstValueFrom(createClient({ connection: redis.url }).emit('forms.event', 'one'));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['one']);
  });

  it('can be created by a factory that injects a provider', async () => {
    @Injectable()
    class Config {
      readonly url = redis.url;
    }
    @Module({ providers: [Config], controllers: [Greeter] })
    class AppModule {}
    const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(AppModule, {
      logger: captureLog(),
      abortOnError: false,
      inject: [Config],
      useFactory: ({ url }: Config) => ({ strategy: new RedisPubSubServer({ connection: url }) }),
    });
    closeAfterTest(() => app.close());
    await app.listen();
    expect(await ask()).toBe('Hello you');
  });

  it.each([
    { inheritAppConfig: true, reply: 'Hello you!' },
    { inheritAppConfig: false, reply: 'Hello you' },
  ])(
    'replies "$reply" in a hybrid application with inheritAppConfig: $inheritAppConfig',
    async ({ inheritAppConfig, reply }) => {
      const exclaim: NestInterceptor = {
        intercept: (_, next) => next.handle().pipe(map((reply) => `${String(reply)}!`)),
      };
      await startHybrid(
        service(),
        { connection: redis.url },
        { inheritAppConfig, configure: (app) => app.useGlobalInterceptors(exclaim) },
      );
      expect(await ask()).toBe(reply);
    },
  );

  it('listens again after a close, and receives each message once', async () => {
    const { app, server } = await startService(service(), { connection: redis.url });
    for (let round = 1; round <= 3; round++) {
      await server.close();
      await redis.subscribers('forms.event', 0);
      await redis.patterns(0);
      await app.listen();
    }
    const client = createClient({ connection: redis.url });
    expect(await firstValueFrom(client.emit('forms.event', 'one'))).toBe(1);
    expect(await firstValueFrom(client.emit('forms.glob.x', 'two'))).toBe(1);
    await eventually(() => seen.includes('two'));
    expect(seen).toEqual(['one', 'two']);
    expect(await ask()).toBe('Hello you');
  });

  it('listens again although its close still waits for a handler', async () => {
    const gate = new Gate();
    const received: unknown[] = [];
    const handle = async (data: unknown): Promise<void> => {
      received.push(data);
      if (data === 'slow') await gate.opened;
    };
    const { server } = await startService(eventHandlers({ 'forms.slow': handle }), {
      connection: redis.url,
    });
    const client = createClient({ connection: redis.url });
    await firstValueFrom(client.emit('forms.slow', 'slow'));
    await eventually(() => received.length === 1);
    const closing = server.close();
    const listening = new Promise((resolve) => server.listen(resolve));
    gate.open();
    await closing;
    expect(await listening).toBeUndefined();
    expect(server.isListening).toBe(true);
    expect(await firstValueFrom(client.emit('forms.slow', 'heard'))).toBe(1);
    await eventually(() => received.length === 2);
  });

  it('receives nothing while it is closed', async () => {
    const { app, server } = await startService(service(), { connection: redis.url });
    const client = createClient({ connection: redis.url });
    await server.close();
    await redis.subscribers('forms.event', 0);
    expect(await firstValueFrom(client.emit('forms.event', 'lost'))).toBe(0);
    await app.listen();
    await firstValueFrom(client.emit('forms.event', 'heard'));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual(['heard']);
  });

  it.skipIf(IN_MEMORY)(
    'closes its connections with the application, and close() is idempotent',
    async () => {
      const { app, server } = await startService(service(), { connection: redis.url });
      expect(linkStates(server)).toEqual(['ready', 'ready']);
      await app.close();
      expect(linkStates(server)).toEqual(['end', 'end']);
      await server.close();
    },
  );

  it.skipIf(IN_MEMORY)('closes its connections with a hybrid application', async () => {
    const { app, server } = await startHybrid(service(), { connection: redis.url });
    await app.close();
    expect(linkStates(server)).toEqual(['end', 'end']);
    await redis.subscribers('forms.event', 0);
  });

  it('receives nothing from a server with another prefix in the same process', async () => {
    const ofA: unknown[] = [];
    const ofB: unknown[] = [];
    for (const [prefix, list] of [
      ['a:', ofA],
      ['b:', ofB],
    ] as const) {
      @Controller()
      class Own {
        @EventPattern('forms.own.*')
        onEvent(data: unknown): void {
          list.push(data);
        }

        @MessagePattern('forms.who')
        who(): string {
          return prefix;
        }
      }
      await startService(
        { module: class {}, controllers: [Own] },
        { connection: redis.url, prefix },
      );
    }
    const clientA = createClient({ connection: redis.url, prefix: 'a:' });
    const clientB = createClient({ connection: redis.url, prefix: 'b:' });
    expect(await firstValueFrom(clientA.emit('forms.own.x', 'to a'))).toBe(1);
    expect(await firstValueFrom(clientB.emit('forms.own.x', 'to b'))).toBe(1);
    expect(await firstValueFrom(clientA.send('forms.who', 0))).toBe('a:');
    expect(await firstValueFrom(clientB.send('forms.who', 0))).toBe('b:');
    await eventually(() => ofA.length > 0 && ofB.length > 0);
    expect([ofA, ofB]).toEqual([['to a'], ['to b']]);
  });

  it('keeps listening when another server in the same process closes', async () => {
    const first = await startService(service(), { connection: redis.url });
    await startService(service(), { connection: redis.url });
    await first.app.close();
    await redis.subscribers('forms.event', 1);
    expect(await ask()).toBe('Hello you');
  });
});
