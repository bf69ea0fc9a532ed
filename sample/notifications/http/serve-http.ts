import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ValidationPipe } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Ready } from '../process/run-service.js';
import { settings } from '../process/settings.js';
import { RedisAwayFilter } from './redis-away.filter.js';

/** How long requests may go on after the order to stop, in milliseconds. */
const LAST_REQUESTS = 3_000;

/** What every HTTP service of the sample does with requests; resolves when it listens. */
export async function serveHttp(app: NestExpressApplication): Promise<Ready> {
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, transform: true }));
  app.useGlobalFilters(new RedisAwayFilter(app.getHttpAdapter()));
  app.enableShutdownHooks();
  const server: Server = await app.listen(settings.port);
  // Browsers keep the connections of streams that have ended; a shutdown waits for them this long,
  server.keepAliveTimeout = 1_000;
  // and this long for those that are still busy: some never end by themselves.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () =>
      setTimeout(() => server.closeAllConnections(), LAST_REQUESTS).unref(),
    );
  }
  return { port: (server.address() as AddressInfo).port };
}
