import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
// Nest loads it when it creates an application; on a busy machine a test would wait for it.
import '@nestjs/platform-express';
import { captureLog, closeAfterTest, type TestLog } from './app.js';
import { loadPage, type PageApplication } from './pages.js';

/** Loads a recipe whose application connects to a Redis of the test. */
export function loadRecipe(name: string, redisUrl: string): PageApplication {
  return loadPage(`recipes/${name}`, (code) => code.replaceAll('redis://localhost:6379', redisUrl));
}

/** An application that runs and serves HTTP. */
export interface PageApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly log: TestLog;
}

/** Starts the module of a page as an HTTP application on a free port; closed after the test. */
export async function startPageApp(module: Type): Promise<PageApp> {
  const log = captureLog();
  const app = await NestFactory.create(module, {
    logger: log,
    abortOnError: false,
    // Without it, the keep-alive connections of fetch delay the close by seconds.
    forceCloseConnections: true,
  });
  closeAfterTest(() => app.close());
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl(), log };
}

/** Sends JSON, as the `curl` commands of the pages do. */
export function sendJson(url: string, method: 'POST' | 'PUT', body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(url, { method, headers, body: JSON.stringify(body) });
}
