import { Controller, Injectable, type ModuleMetadata, type ScopeOptions } from '@nestjs/common';
import { RedisPubSubModule, type RedisPubSubClient } from 'nestjs-redis-pubsub';
import { createClient, type TestLog } from '../../support/app.js';
import type { TestRedis } from '../../support/redis.js';
import { startHttpApp } from './apps.js';

/** Controllers and providers. A suite runs over both to prove that their handlers behave alike. */
export const FORMS = [
  {
    kind: 'controllers',
    Handles: (options: ScopeOptions = {}): ClassDecorator => Controller(options),
  },
  {
    kind: 'providers',
    Handles: (options: ScopeOptions = {}): ClassDecorator => Injectable(options),
  },
] as const;

/** An application with the module and `metadata`, and a client that calls its handlers. */
export async function startWith(
  redis: TestRedis,
  metadata: ModuleMetadata,
): Promise<{ client: RedisPubSubClient; log: TestLog }> {
  const { log } = await startHttpApp({
    ...metadata,
    imports: [RedisPubSubModule.forRoot({ connection: redis.url }), ...(metadata.imports ?? [])],
  });
  return { client: createClient({ connection: redis.url, requestTimeout: 5_000 }), log };
}
