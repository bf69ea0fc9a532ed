import { Injectable, type Type } from '@nestjs/common';
import type { AsyncLocalStorage } from 'node:async_hooks';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

interface Correlating {
  readonly Correlation: Type;
  readonly correlation: AsyncLocalStorage<string>;
}

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
