import type { INestApplicationContext, ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { RedisPubSubModule, type RedisPubSubModuleOptions } from 'nestjs-redis-pubsub';
import { InMemoryRedis, PubSubRecorder } from 'nestjs-redis-pubsub/testing';
import { captureLog, closeAfterTest } from './app.js';

/** A Redis in memory, its recorder, and an application over it. */
export interface InMemoryApp {
  readonly redis: InMemoryRedis;
  readonly recorder: PubSubRecorder;
  readonly app: INestApplicationContext;
}

/** Starts an application whose module connects to `redis`; closed after the test. */
export async function startInMemory(
  metadata: ModuleMetadata,
  { redis = new InMemoryRedis(), ...options }: InMemoryOptions = {},
): Promise<InMemoryApp> {
  const recorder = new PubSubRecorder(redis);
  closeAfterTest(async () => recorder.close());
  const imports = [
    ...(metadata.imports ?? []),
    RedisPubSubModule.forRoot({ connection: redis, ...options }),
  ];
  const builder = Test.createTestingModule({ ...metadata, imports }).setLogger(captureLog());
  return { redis, recorder, app: await init(await builder.compile()) };
}

type InMemoryOptions = Partial<RedisPubSubModuleOptions> & { readonly redis?: InMemoryRedis };

/** Starts a testing module; closed after the test. */
export async function init(module: TestingModule): Promise<TestingModule> {
  closeAfterTest(() => module.close());
  return module.init();
}
