import { Controller, Inject, Injectable, Scope } from '@nestjs/common';
import {
  ContextIdFactory,
  REQUEST,
  type ContextId,
  type ContextIdResolver,
  type ContextIdStrategy,
} from '@nestjs/core';
import { CONTEXT, EventPattern, MessagePattern, type RequestContext } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  RedisPubSubRecordBuilder,
  type RedisPubSubClient,
  type RedisPubSubContext,
  type RedisPubSubRecord,
} from 'nestjs-redis-pubsub';
import { createClient, startService } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

type Request = RequestContext<unknown, RedisPubSubContext>;

let instances = 0;
const seen: unknown[] = [];

@Injectable({ scope: Scope.REQUEST })
class RequestInfo {
  readonly number = ++instances;

  constructor(@Inject(REQUEST) readonly request: Request) {}
}

@Controller()
class PerMessage {
  constructor(
    private readonly info: RequestInfo,
    @Inject(CONTEXT) private readonly request: Request,
  ) {}

  @EventPattern<string>('scopes.event')
  first(): void {
    this.note('first');
  }

  @EventPattern<string>('scopes.event')
  second(): void {
    this.note('second');
  }

  @EventPattern<string>('scopes.:id.glob')
  glob(): void {
    this.note('glob');
  }

  @MessagePattern('scopes.request')
  ask(): number {
    this.note('ask');
    return this.info.number;
  }

  private note(method: string): void {
    const { request } = this;
    const channel = request.getContext().getChannel();
    seen.push([method, request.getPattern(), channel, request.getData()]);
    if (this.info.request !== request) seen.push('another request');
  }
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class TenantStore {
  readonly number = ++instances;

  constructor(@Inject(REQUEST) readonly tenant: { readonly name: string }) {}
}

@Controller({ scope: Scope.REQUEST, durable: true })
class PerTenant {
  constructor(private readonly store: TenantStore) {}

  @MessagePattern('scopes.tenant')
  ask(): unknown {
    return { tenant: this.store.tenant.name, store: this.store.number };
  }

  @EventPattern<string>('scopes.tenant.event')
  onEvent(): void {
    seen.push({ tenant: this.store.tenant.name, store: this.store.number });
  }
}

/** One tree of providers for each tenant, named by the header "tenant". */
class TenantStrategy implements ContextIdStrategy<Request> {
  readonly #trees = new Map<string, ContextId>();

  attach(contextId: ContextId, request: Request): ContextIdResolver {
    const name = request.getContext().getHeader('tenant') ?? 'nobody';
    const tree = this.#trees.get(name) ?? ContextIdFactory.create();
    this.#trees.set(name, tree);
    return {
      payload: { name },
      resolve: ({ isTreeDurable }) => (isTreeDurable ? tree : contextId),
    };
  }
}

const from = (tenant: string): RedisPubSubRecord =>
  new RedisPubSubRecordBuilder(0).setHeader('tenant', tenant).build();

describe('the scope of a controller', () => {
  const redis = useRedis();
  let client: RedisPubSubClient;

  beforeEach(() => {
    instances = 0;
    seen.length = 0;
    client = createClient({ connection: redis.url });
  });
  afterEach(() => ContextIdFactory.apply(undefined as unknown as ContextIdStrategy));

  const emit = (pattern: string, data: unknown): Promise<number> =>
    firstValueFrom(client.emit(pattern, data));

  it('is the request if it injects a request-scoped provider: each request gets a new instance', async () => {
    const module = { module: class {}, controllers: [PerMessage], providers: [RequestInfo] };
    await startService(module, { connection: redis.url });
    expect(await firstValueFrom(client.send('scopes.request', 'a'))).toBe(1);
    expect(await firstValueFrom(client.send('scopes.request', 'b'))).toBe(2);
    expect(seen).toEqual([
      ['ask', 'scopes.request', 'scopes.request', 'a'],
      ['ask', 'scopes.request', 'scopes.request', 'b'],
    ]);
  });

  it('is the message for events: each handler gets a new instance', async () => {
    const module = { module: class {}, controllers: [PerMessage], providers: [RequestInfo] };
    await startService(module, { connection: redis.url });
    await emit('scopes.event', 'a');
    await emit('scopes.7.glob', 'b');
    await eventually(() => seen.length >= 3);
    expect(seen.toSorted()).toEqual([
      ['first', 'scopes.event', 'scopes.event', 'a'],
      ['glob', 'scopes.:id.glob', 'scopes.7.glob', 'b'],
      ['second', 'scopes.event', 'scopes.event', 'a'],
    ]);
    expect(instances).toBe(3);
  });

  it('is the tenant if it is durable: the ContextIdStrategy selects the instance', async () => {
    ContextIdFactory.apply(new TenantStrategy());
    const module = { module: class {}, controllers: [PerTenant], providers: [TenantStore] };
    await startService(module, { connection: redis.url });
    const ask = (tenant: string): Promise<unknown> =>
      firstValueFrom(client.send('scopes.tenant', from(tenant)));
    expect(await ask('acme')).toEqual({ tenant: 'acme', store: 1 });
    expect(await ask('umbrella')).toEqual({ tenant: 'umbrella', store: 2 });
    expect(await ask('acme')).toEqual({ tenant: 'acme', store: 1 });
    await firstValueFrom(client.emit('scopes.tenant.event', from('umbrella')));
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([{ tenant: 'umbrella', store: 2 }]);
  });
});
