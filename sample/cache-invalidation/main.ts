// Each instance caches the values that it reads. A write publishes an invalidation, and every instance
// removes its copy.
import { Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import {
  buildChannel,
  ChannelParam,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { connection, recordReceived, printReceived, runSample } from '../support/run-sample.js';

const INSTANCE = Symbol('INSTANCE');
const INVALIDATE = 'cache.invalidate.:key';
const database = new Map([['price', 10]]); // stands for the database that the instances share

@Injectable()
class Prices {
  readonly #cache = new Map<string, Promise<number | undefined>>();

  constructor(
    @Inject(INSTANCE) private readonly instance: string,
    private readonly pubsub: RedisPubSubService,
    server: RedisPubSubServer,
  ) {
    // Invalidations that were published during an outage are lost, so that any cached value may be stale.
    server.gaps.subscribe(() => this.#cache.clear());
  }

  async read(key: string): Promise<number | undefined> {
    const source = this.#cache.has(key) ? 'the cache' : 'the database';
    const value = await this.#load(key);
    console.log(`${this.instance} reads ${key} from ${source}: ${value}`);
    return value;
  }

  async write(key: string, value: number): Promise<void> {
    database.set(key, value);
    const channel = buildChannel(INVALIDATE, { key });
    const receivers = await this.pubsub.publish(channel, { writer: this.instance });
    console.log(`${this.instance} writes ${key}: ${value} → ${channel} (${receivers} delivered)`);
  }

  /** The writer receives its own message too, so that only this handler removes keys. */
  @Subscribe(INVALIDATE)
  remove(@ChannelParam('key') key: string, @Payload() { writer }: { writer: string }): void {
    this.#cache.delete(key);
    recordReceived(`${this.instance} removes ${key}, which ${writer} wrote`);
  }

  #load(key: string): Promise<number | undefined> {
    const cached = this.#cache.get(key);
    if (cached) return cached;
    // Caches the promise and not its value: a key that is removed while it loads must not come back.
    const loading = Promise.resolve(database.get(key));
    loading.catch(() => this.#cache.delete(key));
    this.#cache.set(key, loading);
    return loading;
  }
}

@Module({ imports: [RedisPubSubModule.forRoot({ connection, prefix: 'shop:' })] })
class ShopModule {}

function start(instance: string) {
  const providers = [Prices, { provide: INSTANCE, useValue: instance }];
  const module = { module: ShopModule, providers };
  return NestFactory.createApplicationContext(module, { logger: ['warn'] });
}

await runSample(async () => {
  const writer = await start('instance 1');
  const apps = [writer, await start('instance 2')];
  for (const app of [...apps, ...apps]) await app.get(Prices).read('price');
  await writer.get(Prices).write('price', 12);
  await printReceived(apps.length);
  for (const app of apps) await app.get(Prices).read('price');
  for (const app of apps) await app.close();
});
