import type {
  INestApplication,
  INestApplicationContext,
  INestMicroservice,
  ModuleMetadata,
  NestApplicationOptions,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { captureLog, closeAfterTest, type TestLog } from '../../support/app.js';
import type { TestRedis } from '../../support/redis.js';

export interface Started<App> {
  readonly app: App;
  readonly log: TestLog;
}

const root = (metadata: ModuleMetadata) => ({ module: class Root {}, ...metadata });

/** An HTTP application that is not started yet; closed after the test. */
export async function createHttpApp(
  metadata: ModuleMetadata,
  options: NestApplicationOptions = {},
): Promise<Started<INestApplication>> {
  const log = captureLog();
  const app = await NestFactory.create(root(metadata), {
    logger: log,
    abortOnError: false,
    // Without it, the keep-alive connections of fetch delay the close by seconds.
    forceCloseConnections: true,
    ...options,
  });
  closeAfterTest(() => app.close());
  return { app, log };
}

/** An HTTP application that listens on a free port; closed after the test. */
export async function startHttpApp(
  metadata: ModuleMetadata,
  options: NestApplicationOptions = {},
): Promise<Started<INestApplication>> {
  const started = await createHttpApp(metadata, options);
  await started.app.listen(0, '127.0.0.1');
  return started;
}

/** An application without a server; closed after the test. */
export async function startContext(
  metadata: ModuleMetadata,
): Promise<Started<INestApplicationContext>> {
  const log = captureLog();
  const app = await NestFactory.createApplicationContext(root(metadata), {
    logger: log,
    abortOnError: false,
  });
  closeAfterTest(() => app.close());
  return { app, log };
}

/** A microservice whose strategy comes from the application itself; closed after the test. */
export async function startMicroservice(
  metadata: ModuleMetadata,
  options: AsyncMicroserviceOptions,
): Promise<Started<INestMicroservice>> {
  const log = captureLog();
  const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(root(metadata), {
    ...options,
    logger: log,
    abortOnError: false,
  });
  closeAfterTest(() => app.close());
  await app.listen();
  return { app, log };
}

/** The number of connections to a Redis, without the connection of the test client. */
export async function connections(redis: TestRedis): Promise<number> {
  const list = String(await redis.client.call('CLIENT', 'LIST'));
  return list.trim().split('\n').length - 1;
}

/** The error that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => Promise.reject(new Error('Expected a failure')),
    (error: unknown) => error as Error,
  );
}
