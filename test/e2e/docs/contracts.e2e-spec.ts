import type { Type } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RedisPubSubModule, RedisPubSubClient, type EventContract } from 'nestjs-redis-pubsub';
import type { DtoSchema, EventSchemas } from 'nestjs-redis-pubsub';
import { sendJson, startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf, startContext } from '../module/apps.js';

describe('guide/contracts', () => {
  const redis = useRedis([]);
  const load = () =>
    loadPage('guide/contracts', (code) => code.replaceAll('redis://localhost:6379', redis.url));

  it('publishes and handles by a contract, and refuses what does not match', async () => {
    const { AppModule } = await load().import<{ AppModule: Type }>('src/app.module.ts');
    const { url, log } = await startPageApp(AppModule);
    expect((await sendJson(`${url}/users/7`, 'POST', { name: 'Ada' })).status).toBe(201);
    expect((await sendJson(`${url}/users/7/orders`, 'POST', {})).status).toBe(201);
    await eventually(() => log.of('log').includes('User 7 is Ada'));
    await eventually(() => log.of('log').includes('Order 7 is paid: 500'));
    await sendJson(`${url}/users/7`, 'POST', { name: 5 });
    await eventually(() => log.of('error').length > 0);
    expect((await sendJson(`${url}/users/a.b`, 'POST', { name: 'Ada' })).status).toBe(400);
    expect(log.of('error').slice(0, 1)).toEqual([
      'An event was not published: The data for "user.7.created" does not match its contract: name: Invalid input: expected string, received number',
    ]);
    await redis.client.publish('order.paid', '{"id":"7","cents":"5"}');
    await eventually(() => log.of('warn').length > 0);
    expect(log.of('warn')).toEqual([
      'The handler of "order.paid" failed on "order.paid": BadRequestException: cents: Invalid input: expected number, received string',
    ]);
  });

  it('answers requests of a contract', async () => {
    const page = await load().import<{ Prices: Type; Shop: Type }>('src/prices.ts');
    const { Prices, Shop } = page;
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      providers: [Prices, Shop],
    });
    expect(await app.get<{ priceOf(sku: string): unknown }>(Shop).priceOf('tea')).toBe(300);
  });

  it.each(['valibot', 'arktype', 'dto'])('has a contract of %s', async (library) => {
    const { events } = await load().import<{
      events: EventContract<EventSchemas & Record<'user.:id.created', DtoSchema<object>>>;
    }>(`src/${library}-contract.ts`);
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
    });
    const client = events.client(app.get(RedisPubSubClient));
    expect(
      await firstValueFrom(client.emit(['user.:id.created', { id: 1 }], { name: 'Ada' })),
    ).toBe(0);
    const error = await failureOf(
      firstValueFrom(client.emit(['user.:id.created', { id: 1 }], { name: 5 })),
    );
    expect(error.message).toMatch(
      /^The data for "user\.1\.created" does not match its contract: name: /,
    );
  });
});
