import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createClient, startService } from '../support/app.js';
import { README_ACL, README_SHARDED_ACL } from '../support/readme.js';
import { eventually, useRedis } from '../support/redis.js';
import { HAS_SHARDED, IF_SHARDED } from '../support/sharded.js';

describe('the ACL of the README', () => {
  const redis = useRedis();

  it('has every permission that a service needs', async () => {
    const received: unknown[] = [];
    @Controller()
    class Handlers {
      @EventPattern<string>('user.*')
      onUser(data: unknown) {
        received.push(data);
      }

      @EventPattern<string>('inbox.:id')
      onInbox(data: unknown) {
        received.push(data);
      }

      @MessagePattern('user.get')
      get(id: number) {
        return { id };
      }
    }
    await redis.client.call('ACL', ...README_ACL);
    const connection = { port: redis.port, username: 'shop', password: 'secret' };
    const { log } = await startService(
      { module: class {}, controllers: [Handlers] },
      { connection, prefix: 'shop:', pingInterval: 50 },
    );
    const client = createClient({ connection, prefix: 'shop:' });
    expect(await firstValueFrom(client.emit('user.created', 'Ada'))).toBe(1);
    expect(await firstValueFrom(client.send('user.get', 7))).toEqual({ id: 7 });
    await eventually(() => received.length > 0);
    expect(log.of('error')).toEqual([]);
    await expect(firstValueFrom(client.emit('x', 1))).resolves.toBe(0);
    await expect(firstValueFrom(createClient({ connection }).emit('x', 1))).rejects.toThrow(
      'Redis refused to publish to "x"',
    );
  });

  it.runIf(HAS_SHARDED)(
    `has every permission that a service with sharded Pub/Sub needs${IF_SHARDED}`,
    async () => {
      const received: unknown[] = [];
      @Controller()
      class Handlers {
        @EventPattern<string>('user.created')
        onUser(data: unknown) {
          received.push(data);
        }
      }
      await redis.client.call('ACL', ...README_ACL);
      await redis.client.call('ACL', ...README_SHARDED_ACL);
      const connection = { port: redis.port, username: 'shop', password: 'secret' };
      const options = { connection, prefix: 'shop:', sharded: true };
      const { log } = await startService({ module: class {}, controllers: [Handlers] }, options);
      const client = createClient(options);
      expect(await firstValueFrom(client.emit('user.created', 'Ada'))).toBe(1);
      await eventually(() => received.length > 0);
      expect(log.of('error')).toEqual([]);
    },
  );
});
