import type { INestApplication, NestHybridApplicationOptions, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Redis } from 'ioredis';
import type { Observable } from 'rxjs';
import { RedisPubSubServer, type RedisPubSubServerOptions } from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, type TestLog } from './app.js';

/** An HTTP application with our server connected to it, both started; closed after the test. */
export async function startHybrid(
  module: Type | object,
  options: RedisPubSubServerOptions,
  {
    configure,
    ...hybridOptions
  }: NestHybridApplicationOptions & { configure?: (app: INestApplication) => void } = {},
): Promise<{ app: INestApplication; server: RedisPubSubServer; log: TestLog }> {
  const log = captureLog();
  const server = new RedisPubSubServer(options);
  const app = await NestFactory.create(module as Type, { logger: log, abortOnError: false });
  closeAfterTest(() => app.close());
  configure?.(app);
  app.connectMicroservice({ strategy: server }, hybridOptions);
  await app.startAllMicroservices();
  await app.init();
  return { app, server, log };
}

/** The result of an Observable: its values, and its error if it failed. */
export interface Outcome {
  readonly values: unknown[];
  readonly error?: unknown;
}

/** Subscribes, and resolves when the Observable has completed or failed. */
export function outcomeOf(source$: Observable<unknown>): Promise<Outcome> {
  return new Promise((resolve) => {
    const values: unknown[] = [];
    source$.subscribe({
      next: (value) => values.push(value),
      error: (error: unknown) => resolve({ values, error }),
      complete: () => resolve({ values }),
    });
  });
}

/** The states of the two ioredis clients behind a server or a client. */
export function linkStates(of: { unwrap<T>(): T }): string[] {
  return of.unwrap<[Redis, Redis]>().map(({ status }) => status);
}
