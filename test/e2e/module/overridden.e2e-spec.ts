import { Injectable } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RedisPubSubClient, RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { captureLog } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { connections } from './apps.js';

@Injectable()
class Handlers {
  @EventPattern<string>('overridden')
  on(): void {}
}

describe('a testing module with an overridden provider', () => {
  const redis = useRedis();

  it.each([
    ['client', RedisPubSubClient, { emit: () => of(1) }],
    ['service', RedisPubSubService, { publish: () => Promise.resolve(1) }],
  ])('closes all connections although the %s is overridden', async (_, token, override) => {
    const log = captureLog();
    const module = await Test.createTestingModule({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Handlers],
    })
      .overrideProvider(token)
      .useValue(override)
      .setLogger(log)
      .compile();
    await module.init();
    await redis.subscribers('overridden', 1);
    await module.close();
    await eventually(async () => (await connections(redis)) === 0);
    expect(log.of('error')).toEqual([]);
  });
});
