import { Controller, Injectable, type ModuleMetadata } from '@nestjs/common';
import { ModulesContainer, NestFactory } from '@nestjs/core';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { createObserveModule } from '@nestjs/observe';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  RedisPubSubClient,
  RedisPubSubContext,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient } from '../../support/app.js';
import { IS_NEST_12 } from '../../support/nest-version.js';
import { eventually, useRedis } from '../../support/redis.js';

/** A span of NestJS Observe. */
interface Span {
  readonly className: string;
  readonly methodKey: string;
  readonly children?: readonly Span[];
}

/** An operation, as NestJS Observe sends it to its service. */
interface Operation {
  readonly traceId: string;
  readonly protocol: string;
  readonly operationId: string;
  readonly traces: readonly Span[];
}

@Injectable()
class Orders {
  constructor(
    private readonly client: RedisPubSubClient,
    private readonly pubsub: RedisPubSubService,
  ) {}

  async place(id: string) {
    await this.pubsub.publish('audit', id);
    await firstValueFrom(this.client.emit(`order.${id}`, id));
    return 'placed';
  }
}

@Controller()
class Shop {
  constructor(private readonly orders: Orders) {}

  @MessagePattern('place.:id')
  place(@Payload() data: string) {
    return this.orders.place(data);
  }
}

@Injectable()
class Mails {
  @Subscribe('order.:id')
  onOrder(@Ctx() context: RedisPubSubContext) {
    return context.getChannel();
  }
}

/** A service in the place of that of NestJS Observe, so that nothing is sent to it. */
async function startCollector(): Promise<string> {
  const collector = createServer((_, response) => response.end('{}'));
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  closeAfterTest(async () => {
    collector.closeAllConnections();
    await new Promise((resolve) => collector.close(resolve));
  });
  return `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
}

describe.runIf(IS_NEST_12)('with NestJS Observe', () => {
  const redis = useRedis();

  /** An application as in a process of its own: NestJS Observe keeps one operation for each trace there. */
  const start = async (metadata: ModuleMetadata) => {
    const endpoint = await startCollector();
    const { ObserveInstrument, ObserveModule } = createObserveModule();
    const imports = [
      ObserveModule.forRoot({ appKey: 'key', appSecret: 'secret', serviceId: 'id', endpoint }),
      RedisPubSubModule.forRoot({ connection: redis.url }),
    ];
    const app = await NestFactory.createApplicationContext(
      { module: class Root {}, imports, ...metadata },
      { logger: captureLog(), abortOnError: false, instrument: ObserveInstrument },
    );
    closeAfterTest(() => app.close());
    const operations: Operation[] = [];
    const buffer = providerOf(app.get(ModulesContainer), 'ObserveAgentSharedBuffer') as {
      insertRequestSnapshot(operation: Operation): void;
    };
    vi.spyOn(buffer, 'insertRequestSnapshot').mockImplementation((it) => operations.push(it));
    return { app, operations };
  };

  const startBoth = async () => {
    const shop = await start({ controllers: [Shop], providers: [Orders] });
    const mails = await start({ providers: [Mails] });
    const client = createClient({ connection: redis.url });
    const place = async () => {
      expect(await firstValueFrom(client.send('place.7', '7'))).toBe('placed');
      await eventually(() => shop.operations.length === 1 && mails.operations.length === 1);
      return [...shop.operations, ...mails.operations];
    };
    return { shop: shop.app, mails: mails.app, place };
  };

  it('an operation has spans of the application and of the classes that it injects, and no others', async () => {
    const { place } = await startBoth();
    const operations = await place();
    expect(operations.map(({ traces }) => traces.flatMap(namesOf).toSorted())).toEqual([
      ['Orders.place', 'RedisPubSubClient.emit', 'RedisPubSubService.publish', 'Shop.place'],
      ['Mails.onOrder'],
    ]);
  });

  it('an operation has the name of the pattern, and its trace goes on in the other process', async () => {
    const { place } = await startBoth();
    const [placed, mailed] = await place();
    const protocol = 'nestjs-redis-pubsub.REDIS_PUBSUB';
    expect(placed).toMatchObject({ operationId: 'place.:id', protocol });
    expect(mailed).toMatchObject({ operationId: 'order.:id', protocol });
    expect(mailed?.traceId).toBe(placed?.traceId);
  });

  it('hooks of the application run beside those of NestJS Observe', async () => {
    const { shop, mails, place } = await startBoth();
    const seen: unknown[] = [];
    const server = mails.get(RedisPubSubServer);
    shop.get(RedisPubSubClient).setOnDispatchHook((packet) => {
      packet.metadata = { ...packet.metadata, own: 'own' };
    });
    server.setOnProcessingStartHook((_, context, done) => {
      seen.push((context as RedisPubSubContext).getHeaders());
      void done();
    });
    server.setOnProcessingEndHook(() => seen.push('end'));
    const [placed, mailed] = await place();
    expect(seen).toEqual([{ own: 'own', 'x-request-id': placed?.traceId }, 'end']);
    expect(mailed?.traceId).toBe(placed?.traceId);
  });
});

/** The instance of a provider that NestJS Observe does not export. */
function providerOf(modules: ModulesContainer, name: string): unknown {
  const wrappers = [...modules.values()].flatMap(({ providers }) => [...providers.values()]);
  return wrappers.find((wrapper) => wrapper.name === name)?.instance;
}

function namesOf({ className, methodKey, children = [] }: Span): string[] {
  return [`${className}.${methodKey}`, ...children.flatMap(namesOf)];
}
