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

describe('in the testing module of an application', () => {
  const redis = useRedis();

  it.each([
    ['client', RedisPubSubClient, { emit: () => of(1) }],
    ['service', RedisPubSubService, { publish: () => Promise.resolve(1) }],
  ])('a %s of one’s own keeps nothing open when it is closed', async (_, token, own) => {
    const log = captureLog();
    const module = await Test.createTestingModule({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Handlers],
    })
      .overrideProvider(token)
      .useValue(own)
      .setLogger(log)
      .compile();
    await module.init();
    await redis.subscribers('overridden', 1);
    await module.close();
    await eventually(async () => (await connections(redis)) === 0);
    expect(log.of('error')).toEqual([]);
  });
});
