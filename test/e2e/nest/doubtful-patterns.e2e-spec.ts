import { Controller, Injectable } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import {
  captureLog,
  closeAfterTest,
  createClient,
  startService,
  type TestLog,
} from '../../support/app.js';
import { useRedis } from '../../support/redis.js';

@Injectable()
class Orders {
  @EventPattern<string[]>(['Orders::Paid', 'order.created'])
  onPaid() {}
}

@Controller()
class Users {
  @MessagePattern<string>('user.{id}')
  get() {}

  @EventPattern<string>('user.{id}')
  on() {}

  @EventPattern<string>('user.:id')
  onAny() {}

  @EventPattern<RegExp>(/user\..*/)
  onExpression() {}
}

describe('a pattern that may not mean what it says', () => {
  const redis = useRedis();
  let log: TestLog;

  beforeEach(() => {
    log = captureLog();
  });

  const start = async (): Promise<RedisPubSubService> => {
    const app = await NestFactory.createApplicationContext(
      {
        module: class {},
        imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
        controllers: [Users],
        providers: [Orders],
      },
      { logger: log, abortOnError: false },
    );
    closeAfterTest(() => app.close());
    return app.get(RedisPubSubService);
  };

  it('of a decorator is logged once, with its class and method', async () => {
    await start();
    const lines = log.of('warn');
    expect(lines).toHaveLength(3);
    expect(lines.join('\n')).toContain('The pattern "Orders::Paid" of Orders.onPaid may not mean');
    expect(lines.join('\n')).toContain('The pattern "user.{id}" of Users.get may not mean');
    expect(lines.join('\n')).toContain('The pattern "/user\\..*/" of Users.onExpression may');
  });

  it('of a decorator is logged by a server without the module', async () => {
    const { log: ownLog } = await startService(
      { module: class {}, controllers: [Users] },
      { connection: redis.url },
    );
    expect(ownLog.of('warn').join('\n')).toContain('The pattern "user.{id}" may not mean');
  });

  it('is logged once for each way to publish and to observe', async () => {
    const service = await start();
    const before = log.of('warn').length;
    const client = createClient({ connection: redis.url });
    for (let i = 0; i < 2; i++) {
      service.observe('seen.*').subscribe().unsubscribe();
      await service.subscribe('seen.:id', () => undefined);
      await service.subscribePattern('seen.#', () => undefined);
      await service.subscriberCounts('counted.*', 'counted.x');
      await service.channels('asked.{id}');
      await service.publish('sent.*', 1);
      await firstValueFrom(client.emit('sent.:id', 1));
      await firstValueFrom(client.send('sent.{id}', 1)).catch(() => undefined);
      await service.publish('fine', 1);
    }
    const names = log
      .of('warn')
      .slice(before)
      .map((line) => /"([^"]+)"/.exec(line)?.[1]);
    expect(names.toSorted()).toEqual(
      [
        'asked.{id}',
        'counted.*',
        'seen.#',
        'seen.*',
        'seen.:id',
        'sent.*',
        'sent.:id',
        'sent.{id}',
      ].toSorted(),
    );
  });
});
