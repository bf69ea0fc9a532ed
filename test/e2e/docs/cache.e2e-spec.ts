import type { Type } from '@nestjs/common';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { describe, expect, it } from 'vitest';
import { loadPage } from '../../support/pages.js';
import { startPageApp } from '../../support/page-app.js';
import { eventually, useRedis } from '../../support/redis.js';

interface Prices {
  readonly database: Map<string, number>;
  readonly cache: { readonly size: number; readonly maxStaleness: number };
  read(sku: string): Promise<number | null>;
  write(sku: string, price: number): Promise<void>;
}

describe('guide/cache', () => {
  const redis = useRedis([]);

  it('reads the new price on all instances, and takes the messages of redis-cli', async () => {
    const page = loadPage('guide/cache', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    const { AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts');
    const { PricesService } = await page.import<{ PricesService: Type<Prices> }>(
      'src/prices.service.ts',
    );
    const start = async (): Promise<Prices> => {
      const { app } = await startPageApp(AppModule);
      const prices = app.get(PricesService);
      expect(prices.cache.maxStaleness).toBe(8_000);
      expect(app.get(RedisPubSubService).deliveryTimeout).toBe(8_000);
      await eventually(async () => (await prices.read('tea')) === 4 && prices.cache.size === 1);
      return prices;
    };
    const [one, other] = [await start(), await start()];
    other.database.set('tea', 5);
    expect(await other.read('tea')).toBe(4);
    await one.write('tea', 5);
    expect(await one.read('tea')).toBe(5);
    await eventually(async () => (await other.read('tea')) === 5);
    expect(await one.read('coffee')).toBeNull();
    for (const message of ['{"keys":["tea","coffee"]}', '{"all":true}']) {
      await eventually(async () => (await one.read('tea')) === 5 && one.cache.size > 0);
      expect(await redis.client.publish('prices.invalidated', message)).toBe(2);
      await eventually(() => one.cache.size === 0);
    }
  });
});
