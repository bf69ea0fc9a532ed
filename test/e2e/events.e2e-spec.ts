import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  Channel,
  ChannelParam,
  MessageHeader,
  RedisPubSubContext,
  RedisPubSubRecordBuilder,
} from 'nestjs-redis-pubsub';
import { createClient, startService } from '../support/app.js';
import { eventually, useRedis } from '../support/redis.js';

const seen: unknown[] = [];

@Controller()
class Events {
  @EventPattern<string>('user.*')
  any(@Payload() data: unknown, @Ctx() ctx: RedisPubSubContext) {
    seen.push(['any', ctx.getChannel(), ctx.getPattern(), data]);
  }

  @EventPattern('user.created')
  created(@Payload() data: unknown) {
    seen.push(['created', data]);
  }

  @EventPattern<string>('user.:id.inbox')
  inbox(
    @Channel() channel: string,
    @ChannelParam('id') id: string,
    @MessageHeader('tenant') tenant: string,
  ) {
    seen.push(['inbox', channel, id, tenant]);
  }
}

describe('events', () => {
  const redis = useRedis();

  it('reach literal, glob and parameter handlers, once each', async () => {
    seen.length = 0;
    await startService(
      { module: class {}, controllers: [Events] },
      { connection: redis.url, prefix: 'shop:' },
    );
    const client = createClient({ connection: redis.url, prefix: 'shop:' });
    expect(await firstValueFrom(client.emit('user.created', { id: 1 }))).toBe(2);
    const record = new RedisPubSubRecordBuilder({ a: 1 }).setHeader('tenant', 'acme').build();
    expect(await firstValueFrom(client.emit('user.42.inbox', record))).toBe(2);
    await eventually(() => seen.length >= 4);
    expect(seen.toSorted()).toEqual([
      ['any', 'user.42.inbox', 'user.*', { a: 1 }],
      ['any', 'user.created', 'user.*', { id: 1 }],
      ['created', { id: 1 }],
      ['inbox', 'user.42.inbox', '42', 'acme'],
    ]);
  });
});
