import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { firstValueFrom, lastValueFrom, toArray, type Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen: unknown[] = [];

@Controller()
class BuiltIn {
  @EventPattern('fleet.event')
  event(@Payload() data: unknown) {
    seen.push(['built-in', data]);
  }

  @MessagePattern('fleet.who')
  who(@Payload() data: unknown) {
    seen.push(['built-in', data]);
    return 'built-in';
  }
}

@Controller()
class Ours {
  @EventPattern('fleet.event')
  event(@Payload() data: unknown) {
    seen.push(['ours', data]);
  }

  @EventPattern('fleet.*')
  all(@Payload() data: unknown) {
    seen.push(['glob', data]);
  }

  @MessagePattern('fleet.who')
  who(@Payload() data: unknown) {
    seen.push(['ours', data]);
    return 'ours';
  }
}

const all = (replies$: Observable<string>) => lastValueFrom(replies$.pipe(toArray()));

describe('a fleet with a built-in server (Transport.REDIS) and a RedisPubSubServer', () => {
  const redis = useRedis();

  beforeEach(async () => {
    seen.length = 0;
    await startService(
      { module: class {}, controllers: [Ours] },
      { connection: redis.url, transportId: Transport.REDIS },
    );
    const app = await NestFactory.createMicroservice(
      { module: class {}, controllers: [BuiltIn] },
      {
        transport: Transport.REDIS,
        options: { host: '127.0.0.1', port: redis.port },
        logger: captureLog(),
      },
    );
    closeAfterTest(() => app.close());
    await app.listen();
    await redis.subscribers('fleet.event', 2);
    await redis.subscribers('fleet.who', 2);
  });

  const builtInClient = () => {
    const client = ClientProxyFactory.create({
      transport: Transport.REDIS,
      options: { host: '127.0.0.1', port: redis.port },
    });
    closeAfterTest(async () => client.close());
    return client;
  };

  it('delivers an event to both', async () => {
    const ours = createClient({ connection: redis.url });
    expect(await firstValueFrom(ours.emit('fleet.event', 1))).toBe(3);
    await lastValueFrom(builtInClient().emit('fleet.event', 2), { defaultValue: undefined });
    await eventually(() => seen.length >= 6);
    expect(seen.toSorted()).toEqual([
      ['built-in', 1],
      ['built-in', 2],
      ['glob', 1],
      ['glob', 2],
      ['ours', 1],
      ['ours', 2],
    ]);
  });

  it('sends the built-in client, and RedisPubSubClient in compat mode, only the first reply', async () => {
    const compat = createClient({ connection: redis.url, replies: 'compat' });
    for (const client of [builtInClient(), compat]) {
      seen.length = 0;
      const replies = await all(client.send<string>('fleet.who', 'you'));
      expect(replies).toHaveLength(1);
      expect(['ours', 'built-in']).toContain(replies[0]);
      await eventually(() => seen.length >= 3);
      // The handler of the glob receives the request, but neither reply.
      expect(seen.toSorted()).toEqual([
        ['built-in', 'you'],
        ['glob', 'you'],
        ['ours', 'you'],
      ]);
    }
  });

  it('sends RedisPubSubClient with an inbox only the reply of the RedisPubSubServer', async () => {
    const client = createClient({ connection: redis.url });
    for (let i = 0; i < 20; i++) {
      expect(await all(client.send<string>('fleet.who', i))).toEqual(['ours']);
    }
    await firstValueFrom(client.emit('fleet.event', 'end'));
    await eventually(() => seen.length >= 63);
    expect(seen).toHaveLength(63);
  });
});
