import { Injectable, type Type } from '@nestjs/common';
import type { AsyncLocalStorage } from 'node:async_hooks';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { Payload } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

interface Correlating {
  readonly Correlation: Type;
  readonly correlation: AsyncLocalStorage<string>;
}

/** Removes the listeners that code of a page adds to a channel. */
function unsubscribeAfterTest(name: string): void {
  const target = channel(name);
  // Node gives a channel other methods with its first subscriber.
  target.subscribe(ignore);
  const subscribe = vi.spyOn(target, 'subscribe');
  closeAfterTest(async () => {
    for (const [listener] of subscribe.mock.calls) target.unsubscribe(listener);
    subscribe.mockRestore();
    target.unsubscribe(ignore);
  });
}

const ignore = (): void => undefined;

describe('the page on telemetry', () => {
  const redis = useRedis();

  it('binds a store to the tracing channels, which the handler and what it publishes see', async () => {
    const page = loadPage('operations/telemetry');
    const lines: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
    closeAfterTest(async () => log.mockRestore());
    unsubscribeAfterTest('tracing:nestjs-redis-pubsub:handle:asyncEnd');
    unsubscribeAfterTest('tracing:nestjs-redis-pubsub:publish:asyncEnd');
    const { spans } = await page.import<{ spans: AsyncLocalStorage<unknown> }>('src/spans.ts');
    const { start } = tracingChannel('nestjs-redis-pubsub:handle');
    closeAfterTest(async () => void start.unbindStore(spans));
    const seen: unknown[] = [];
    @Injectable()
    class Handlers {
      constructor(private readonly pubsub: RedisPubSubService) {}

      @Subscribe('user.*')
      async onUser(@Payload() id: number) {
        seen.push(spans.getStore());
        await this.pubsub.publish('audit', id);
        seen.push(spans.getStore());
        if (id === 2) throw new Error('no such user');
      }
    }
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Handlers],
    });
    const record = new RedisPubSubRecordBuilder(1).setHeaders({ 'x-request-id': '7' }).build();
    await app.get(RedisPubSubService).publish('user.1', record);
    await eventually(() => lines.length === 3);
    const span = { name: 'user.*', requestId: '7' };
    expect(seen).toEqual([span, span]);
    await app.get(RedisPubSubService).publish('user.2', 2);
    await eventually(() => lines.length === 6);
    expect(lines.map((line) => line.replace(/[\d.]+ ms/, '… ms')).toSorted()).toEqual([
      'no handler sent user.1 … ms',
      'no handler sent user.2 … ms',
      'user.* sent audit … ms',
      'user.* sent audit … ms',
      'user.* user.1 ok … ms',
      'user.* user.2 failed: no such user … ms',
    ]);
  });
});

describe('the hooks of the page on telemetry', () => {
  const redis = useRedis();

  it('carry a context to the handler, from emit and from publish', async () => {
    const page = loadPage('operations/telemetry');
    const { Correlation, correlation } = await page.import<Correlating>('src/correlation.ts');
    const ids: unknown[] = [];
    @Injectable()
    class Handlers {
      @Subscribe('user.*')
      onUser() {
        ids.push(correlation.getStore());
      }
    }
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Handlers, Correlation],
    });
    const emit = () => firstValueFrom(app.get(RedisPubSubClient).emit('user.1', 1));
    await correlation.run('one', emit);
    await correlation.run('two', () => app.get(RedisPubSubService).publish('user.2', 2));
    await eventually(() => ids.length === 2);
    expect(ids).toEqual(['one', 'two']);
  });
});
