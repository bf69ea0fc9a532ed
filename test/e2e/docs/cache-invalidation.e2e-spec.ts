import type { Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { loadRecipe, sendJson, startPageApp } from '../../support/page-app.js';
import { eventually, useRedis } from '../../support/redis.js';

interface Cache {
  read(id: string): Promise<number>;
}

/** A database that goes on while Redis is down, and counts what is read. */
class Database {
  price = 0;
  loads = 0;

  async load(): Promise<number> {
    this.loads += 1;
    return this.price;
  }
}

async function read({ url }: { url: string }): Promise<{ price: number }> {
  const response = await fetch(`${url}/prices/book`);
  return (await response.json()) as { price: number };
}

describe('recipes/cache-invalidation', () => {
  const redis = useRedis();
  let AppModule: Type;
  let PriceCache: Type<Cache>;
  let PriceRepository: Type;
  beforeAll(async () => {
    const page = loadRecipe('cache-invalidation', redis.url);
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
    ({ PriceCache } = await page.import<{ PriceCache: Type<Cache> }>('src/price-cache.ts'));
    ({ PriceRepository } = await page.import<{ PriceRepository: Type }>('src/price-repository.ts'));
  });

  it('shows a price that one instance writes at the other one', async () => {
    const [one, other] = [await startPageApp(AppModule), await startPageApp(AppModule)];
    for (const instance of [one, other]) expect(await read(instance)).toEqual({ price: 0 });
    await sendJson(`${one.url}/prices/book`, 'PUT', { price: 12 });
    await eventually(async () => (await read(other)).price === 12);
    await eventually(async () => (await read(one)).price === 12);
  });

  it('shows what changed without a message, after the subscribers were cut', async () => {
    const instance = await startPageApp(AppModule);
    await sendJson(`${instance.url}/prices/book`, 'PUT', { price: 12 });
    await eventually(async () => (await read(instance)).price === 12);
    await redis.client.hset('prices', 'book', 2);
    expect(await read(instance)).toEqual({ price: 12 });
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(async () => (await read(instance)).price === 2);
    const gaps = () => instance.log.of('warn').filter((line) => /^A gap of \d+ ms/.test(line));
    await eventually(() => gaps().length === 1);
  });

  async function startWith(database: Database): Promise<{ cache: Cache; status: () => string }> {
    const module = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(PriceRepository)
      .useValue(database)
      .compile();
    closeAfterTest(() => module.close());
    await module.init();
    const pubsub = module.get(RedisPubSubService);
    return { cache: module.get(PriceCache), status: () => pubsub.status };
  }

  it('reads a price once, until it is invalidated', async () => {
    const database = new Database();
    const { cache } = await startWith(database);
    for (const _ of 'abc') await cache.read('book');
    expect(database.loads).toBe(1);
    await redis.client.publish('price.book.invalidated', '{}');
    await eventually(async () => {
      await cache.read('book');
      return database.loads === 2;
    });
  });

  it('is never stale during and after an outage in which an invalidation is lost', async () => {
    const database = new Database();
    const { cache, status } = await startWith(database);
    expect(await cache.read('book')).toBe(0);
    await redis.stop();
    await eventually(() => status() !== 'connected');
    database.price = 12; // by another instance, whose message is lost
    expect(await cache.read('book')).toBe(12);
    await redis.start();
    await eventually(() => status() === 'connected');
    expect(await cache.read('book')).toBe(12);
    const { loads } = database;
    expect(await cache.read('book')).toBe(12);
    expect(database.loads).toBe(loads);
  });
});
