import { Logger, type LoggerService, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { INestMicroservice } from '@nestjs/common';
import {
  RedisPubSubClient,
  RedisPubSubServer,
  type RedisPubSubClientOptions,
  type RedisPubSubServerOptions,
} from 'nestjs-redis-pubsub';

const closers: (() => Promise<unknown>)[] = [];

/** Closes what a test opened, in reverse order, when the test has ended. */
export function closeAfterTest(close: () => Promise<unknown>): void {
  closers.push(close);
}

/** Runs after each test; `setup.ts` registers it for every file. */
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close();
}

/** Collects the log lines of Nest and of the library during a test. */
export class TestLog implements LoggerService {
  readonly lines: { readonly level: string; readonly text: string }[] = [];

  log = this.#at('log');
  warn = this.#at('warn');
  error = this.#at('error');
  debug = this.#at('debug');
  verbose = this.#at('verbose');

  /** The lines of a level. */
  of(level: 'log' | 'warn' | 'error'): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.text);
  }

  #at(level: string) {
    return (message: unknown): void => {
      const text = message instanceof Error ? message.message : String(message);
      this.lines.push({ level, text });
    };
  }
}

/** Collects the log lines from now on. */
export function captureLog(): TestLog {
  const log = new TestLog();
  Logger.overrideLogger(log);
  return log;
}

/** A microservice on our server, listening; closed after the test. */
export async function startService(
  module: Type | object,
  options: RedisPubSubServerOptions,
): Promise<{ app: INestMicroservice; server: RedisPubSubServer; log: TestLog }> {
  const log = captureLog();
  const server = new RedisPubSubServer(options);
  const app = await NestFactory.createMicroservice(module as Type, {
    strategy: server,
    logger: log,
    abortOnError: false,
  });
  closeAfterTest(() => app.close());
  await app.listen();
  return { app, server, log };
}

/** A client; closed after the test. */
export function createClient(options: RedisPubSubClientOptions): RedisPubSubClient {
  const client = new RedisPubSubClient(options);
  closeAfterTest(() => client.close());
  return client;
}
