import { Controller, type ModuleMetadata } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import {
  PubSubInspector,
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  Subscribe,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import type { TestLog } from '../../support/app.js';
import type { TestRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

/** An instance of a fleet, and its own inspector. */
export interface Instance {
  readonly service: RedisPubSubService;
  readonly inspector: PubSubInspector;
  readonly server: RedisPubSubServer;
  readonly log: TestLog;
  readonly close: () => Promise<void>;
}

/** Long enough for the slowest machine: a question ends when all have answered. */
export const timeout = 20_000;

@Controller()
export class OrderHandlers {
  @EventPattern<string>('order.*', { concurrency: 2, order: 'channel' })
  onOrder(data: unknown) {
    if (data === 'fail') throw new Error('told to');
  }

  @MessagePattern('order.get')
  get(id: unknown) {
    return { id };
  }
}

export class UserHandlers {
  @Subscribe('user.:id')
  onUser() {}
}

/** Starts a module with these handlers; closed after the test. */
export async function startInstance(
  redis: TestRedis,
  options: RedisPubSubModuleOptions = {},
  metadata: ModuleMetadata = {},
): Promise<Instance> {
  const { app, log } = await startContext({
    ...metadata,
    imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...options })],
  });
  return {
    service: app.get(RedisPubSubService),
    inspector: app.get(PubSubInspector),
    server: app.get(RedisPubSubServer),
    log,
    close: () => app.close(),
  };
}
