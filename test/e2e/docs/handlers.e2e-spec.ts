import { Controller, Get, Inject, Injectable, Scope, type Type } from '@nestjs/common';
import { ContextIdFactory, REQUEST, type ContextIdStrategy } from '@nestjs/core';
import { MessagePattern } from '@nestjs/microservices';
import type { Server } from 'node:http';
import { firstValueFrom } from 'rxjs';
import request from 'supertest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedisPubSubModule, RedisPubSubRecordBuilder } from 'nestjs-redis-pubsub';
import { createClient } from '../../support/app.js';
import { loadPage } from '../../support/pages.js';
import { useRedis } from '../../support/redis.js';
import { createHttpApp } from '../module/apps.js';

let stores = 0;

@Injectable({ scope: Scope.REQUEST, durable: true })
class Store {
  readonly number = ++stores;

  constructor(@Inject(REQUEST) readonly request: { readonly tenant?: string }) {}
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class Handlers {
  constructor(private readonly store: Store) {}

  @MessagePattern('store.get')
  get() {
    return [this.store.request.tenant ?? 'none', this.store.number];
  }
}

@Controller({ scope: Scope.REQUEST })
class Http {
  constructor(@Inject(REQUEST) private readonly request: { readonly url: string }) {}

  @Get('url')
  url() {
    return { url: this.request.url };
  }
}

describe('the ContextIdStrategy of the page on handlers', () => {
  const redis = useRedis();

  beforeEach(async () => {
    stores = 0;
    const { TenantStrategy } = await loadPage('guide/handlers').import<{
      TenantStrategy: Type<ContextIdStrategy>;
    }>('src/tenant-strategy.ts');
    ContextIdFactory.apply(new TenantStrategy());
  });
  afterEach(() => ContextIdFactory.apply(undefined as unknown as ContextIdStrategy));

  it('keeps one store for each tenant that it knows, and leaves HTTP alone', async () => {
    const { app } = await createHttpApp({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
      controllers: [Http],
      providers: [Handlers, Store],
    });
    await app.init();
    const client = createClient({ connection: redis.url });
    const ask = (tenant: string) => {
      const record = new RedisPubSubRecordBuilder(0).setHeader('tenant', tenant).build();
      return firstValueFrom(client.send<unknown>('store.get', record));
    };
    expect(await ask('acme')).toEqual(['acme', 1]);
    expect(await ask('umbrella')).toEqual(['umbrella', 2]);
    expect(await ask('acme')).toEqual(['acme', 1]);
    expect(await ask('other')).toEqual(['none', 3]);
    expect(await ask('other')).toEqual(['none', 4]);
    const { body } = await request(app.getHttpServer() as Server).get('/url');
    expect(body).toEqual({ url: '/url' });
  });
});
