import type { INestApplicationContext } from '@nestjs/common';
import {
  RedisPubSubModule,
  RedisPubSubServer,
  RedisPubSubService,
  type RedisPubSubModuleOptions,
  type RedisPubSubStatus,
} from 'nestjs-redis-pubsub';
import type { TestLog } from '../../support/app.js';
import { eventually, type TestRedis } from '../../support/redis.js';
import { startContext } from './apps.js';

export interface ServiceApp {
  readonly app: INestApplicationContext;
  readonly service: RedisPubSubService;
  readonly log: TestLog;
  /** Resolves when this is the last status of the module’s server. */
  readonly becomes: (status: RedisPubSubStatus) => Promise<void>;
}

/** An application with only the module; closed after the test. */
export async function startService(
  redis: TestRedis,
  options: RedisPubSubModuleOptions = {},
): Promise<ServiceApp> {
  const { app, log } = await startContext({
    imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...options })],
  });
  let last: RedisPubSubStatus | undefined;
  const server = app.get(RedisPubSubServer);
  server.status.subscribe((status) => {
    last = status;
  });
  return {
    app,
    log,
    service: app.get(RedisPubSubService),
    becomes: (status) => eventually(() => last === status),
  };
}
