import type { INestMicroservice, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientRedis,
  Transport,
  type MicroserviceOptions,
  type RedisOptions,
} from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { captureLog, closeAfterTest, type TestLog } from './app.js';

export type BuiltInOptions = NonNullable<RedisOptions['options']>;

/** A listening microservice on the built-in transport (Transport.REDIS); closed after the test. */
export async function startBuiltIn(
  module: object,
  options: BuiltInOptions,
): Promise<{ app: INestMicroservice; statuses: string[]; log: TestLog }> {
  const log = captureLog();
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module as Type, {
    transport: Transport.REDIS,
    options,
    logger: log,
    abortOnError: false,
  });
  const statuses: string[] = [];
  app.status.subscribe((status) => statuses.push(status));
  await app.listen();
  closeAfterTest(() => closeBuiltIn(app));
  return { app, statuses, log };
}

/** A connected client of the built-in transport (Transport.REDIS); closed after the test. */
export async function createBuiltInClient(
  options: BuiltInOptions,
): Promise<{ client: ClientRedis; statuses: string[] }> {
  const client = new ClientRedis(options);
  const statuses: string[] = [];
  client.status.subscribe((status) => statuses.push(status));
  await client.connect();
  closeAfterTest(() => closeBuiltIn(client));
  return { client, statuses };
}

interface BuiltIn {
  unwrap<T>(): T;
  close(): Promise<unknown>;
}

/** Its `close` rejects on a dead connection and never resolves on one that reconnects; this disconnects them first. */
async function closeBuiltIn(builtIn: BuiltIn): Promise<void> {
  try {
    const clients = builtIn.unwrap<Redis[]>();
    for (const client of clients) if (client.status !== 'ready') client.disconnect();
    await builtIn.close();
  } catch {
    // The connections are already closed.
  }
}

/** A process with event handlers on the built-in transport (Transport.REDIS). */
export interface BuiltInProcess {
  /** Resolves with 'listening' or 'failed' when `listen` has called back. */
  readonly started: Promise<string>;
  /** Resolves with the exit code and the output when the process has exited. */
  readonly exited: Promise<{ code: number | null; output: string }>;
}

/** Starts a process for faults that kill one; killed after the test if it still runs. */
export function spawnBuiltIn(options: BuiltInOptions, channels: readonly string[]): BuiltInProcess {
  const script = fileURLToPath(new URL('built-in-service.mjs', import.meta.url));
  const child = fork(script, [JSON.stringify(options), ...channels], {
    execArgv: [],
    silent: true,
  });
  let output = '';
  child.stdout?.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const closed = once(child, 'close') as Promise<[number | null]>;
  closeAfterTest(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  return {
    started: once(child, 'message').then(([outcome]) => outcome as string),
    exited: closed.then(([code]) => ({ code, output })),
  };
}
