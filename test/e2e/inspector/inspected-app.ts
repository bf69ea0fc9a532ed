import type { AbstractHttpAdapter } from '@nestjs/core';
import type { INestApplication, ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { RedisPubSubModule, type RedisPubSubModuleOptions } from 'nestjs-redis-pubsub';
import {
  PubSubInspectorModule,
  type PubSubInspectorModuleOptions,
} from 'nestjs-redis-pubsub/inspector';
import type { PageData, Section, WatchedChannel } from '../../../src/inspector/page-data.js';
import { captureLog, closeAfterTest, type TestLog } from '../../support/app.js';
import { eventually, type TestRedis } from '../../support/redis.js';

/** The adapters that Nest has for HTTP. */
export const ADAPTERS = {
  Express: () => new ExpressAdapter(),
  Fastify: () => new FastifyAdapter(),
} satisfies Record<string, () => AbstractHttpAdapter>;

/** An application with a page. */
export interface InspectedApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly log: TestLog;
}

interface AppOptions {
  readonly adapter?: (typeof ADAPTERS)[keyof typeof ADAPTERS];
  /** What `main.ts` does with the application. */
  readonly configure?: (app: INestApplication) => void;
}

/** Starts an application on a free port; closed after the test. */
export async function startApp(
  metadata: ModuleMetadata,
  { adapter = ADAPTERS.Express, configure }: AppOptions = {},
): Promise<InspectedApp> {
  const log = captureLog();
  const app = await NestFactory.create({ module: class Root {}, ...metadata }, adapter(), {
    logger: log,
    abortOnError: false,
    // Without it, the keep-alive connections of fetch delay the close by seconds.
    forceCloseConnections: true,
  });
  closeAfterTest(() => app.close());
  configure?.(app);
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl(), log };
}

/** What {@link startInspected} starts. */
export interface InspectedOptions extends AppOptions, Omit<ModuleMetadata, 'imports'> {
  readonly page?: Partial<PubSubInspectorModuleOptions>;
  readonly pubsub?: RedisPubSubModuleOptions;
}

/** Starts an application with one module and a page for everyone. */
export function startInspected(
  redis: TestRedis,
  { page, pubsub, adapter, configure, ...metadata }: InspectedOptions = {},
): Promise<InspectedApp> {
  const imports = [
    RedisPubSubModule.forRoot({ connection: redis.url, ...pubsub }),
    PubSubInspectorModule.forRoot({ guard: false, refreshInterval: 500, ...page }),
  ];
  return startApp(
    { ...metadata, imports },
    { ...(adapter && { adapter }), ...(configure && { configure }) },
  );
}

async function readData(url: string, query: string): Promise<PageData> {
  const response = await fetch(`${url}/pubsub/data?${query}`);
  return (await response.json()) as PageData;
}

/** Whether all have answered: on a busy machine an instance may be too late. */
const isComplete = ({ fleet, channels, patterns, unheard, drift }: PageData): boolean =>
  fleet.error === undefined &&
  fleet.silent === 0 &&
  [channels, patterns, unheard, drift].every(({ error }) => error === undefined);

/** The data of a page, with an answer of each instance. `query` is such as `filter=a`. */
export function dataOf(url: string, query = ''): Promise<PageData> {
  return dataWhere(url, isComplete, query);
}

/** The messages of a channel, as a page receives them. */
export async function messagesOf(
  url: string,
  channel: string,
  kind = 'channel',
): Promise<WatchedChannel> {
  const query = String(new URLSearchParams({ channel, kind }));
  const response = await fetch(`${url}/pubsub/messages?${query}`);
  return (await response.json()) as WatchedChannel;
}

/** A section of which the answer is known. */
export function known<T>(section: Section<T>): T {
  if (section.error !== undefined) throw new Error(`Not known: ${section.error}`);
  return section;
}

/** Asks until the data is as expected. A page does the same. */
export async function dataWhere(
  url: string,
  isTrue: (data: PageData) => boolean,
  query = '',
): Promise<PageData> {
  let data: PageData | undefined;
  await eventually(
    async () => {
      data = await readData(url, query);
      return isTrue(data);
    },
    () => `${String(isTrue)} for ${JSON.stringify(data)}`,
  );
  return data as PageData;
}
