import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ValidationPipe } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Redis } from 'ioredis';
import type { Ready } from '../process/run-service.js';
import { settings } from '../process/settings.js';
import { RedisAwayFilter } from './redis-away.filter.js';

/** What every HTTP service of the sample does with requests; resolves when it listens. */
export async function serveHttp(app: NestExpressApplication): Promise<Ready> {
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, transform: true }));
  app.useGlobalFilters(new RedisAwayFilter(app.getHttpAdapter(), app.get(Redis)));
  app.enableShutdownHooks();
  const server: Server = await app.listen(settings.port);
  // Browsers keep the connections of streams that have ended; a shutdown waits for them this long.
  server.keepAliveTimeout = 1_000;
  return { port: (server.address() as AddressInfo).port };
}
