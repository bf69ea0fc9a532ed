import { Controller, Injectable } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  RedisPubSubModule,
  RedisPubSubService,
  Subscribe,
  type TelemetryEvents,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

@Controller()
class Orders {
  @EventPattern<string>('order.:id')
  onOrder() {
    return undefined;
  }

  @MessagePattern({ cmd: 'sum' })
  sum() {
    return 3;
  }
}

@Injectable()
class Audit {
  @Subscribe('audit')
  onAudit() {
    return undefined;
  }
}

/** The events "declare" of a test. */
function listen(): TelemetryEvents['declare'][] {
  const seen: TelemetryEvents['declare'][] = [];
  const name = 'nestjs-redis-pubsub:declare';
  const listener = (event: unknown) => void seen.push(event as TelemetryEvents['declare']);
  subscribe(name, listener);
  closeAfterTest(async () => unsubscribe(name, listener));
  return seen;
}

describe('the event "declare"', () => {
  const redis = useRedis();

  it('names each handler of a module, in controllers and in providers, and no observer', async () => {
    const seen = listen();
    const { app } = await startContext({
      imports: [
        RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'shop*', name: 'shop' }),
      ],
      controllers: [Orders],
      providers: [Audit],
    });
    await app.get(RedisPubSubService).subscribe('user.1', () => undefined);
    expect(seen).toHaveLength(3);
    expect(seen).toEqual(
      expect.arrayContaining([
        { transport: 'shop', pattern: 'order.:id', kind: 'pattern', name: 'shop\\*order.*' },
        {
          transport: 'shop',
          pattern: '{"cmd":"sum"}',
          kind: 'channel',
          name: 'shop*{"cmd":"sum"}',
        },
        { transport: 'shop', pattern: 'audit', kind: 'channel', name: 'shop*audit' },
      ]),
    );
  });

  it('has the queue of a handler that has one, and its length at any time', async () => {
    const seen = listen();
    const gate = new Gate();
    @Injectable()
    class Slow {
      @Subscribe('slow', { concurrency: 1 })
      onSlow() {
        return gate.opened;
      }
    }
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Slow],
    });
    const [{ queue } = {}] = seen;
    expect(queue?.length).toBe(0);
    for (let i = 0; i < 3; i++) await app.get(RedisPubSubService).publish('slow', `secret ${i}`);
    await eventually(() => queue?.length === 2);
    expect(inspect(seen, { depth: 9, showHidden: true })).not.toContain('secret');
    gate.open();
    await eventually(() => queue?.length === 0);
  });

  it('names each handler of a server that the application creates', async () => {
    const seen = listen();
    const module = { module: class {}, controllers: [Orders] };
    await startService(module, { connection: redis.url });
    expect(seen.map(({ transport, pattern }) => [transport, pattern])).toEqual([
      ['redis-pubsub', 'order.:id'],
      ['redis-pubsub', '{"cmd":"sum"}'],
    ]);
  });
});
