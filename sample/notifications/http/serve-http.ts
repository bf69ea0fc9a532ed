import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ValidationPipe } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Started } from '../process/run-service.js';
import type { Settings } from '../process/settings.js';
import { RedisUnavailableFilter } from './redis-unavailable.filter.js';

/** Time that running requests have after SIGTERM or SIGINT, in milliseconds. */
const SHUTDOWN_TIMEOUT_MS = 3_000;

/** Configures and starts an HTTP service of the sample; resolves when it listens. */
export async function serveHttp(
  app: NestExpressApplication,
  { port, listenHost }: Settings,
): Promise<Started> {
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, transform: true }));
  app.useGlobalFilters(new RedisUnavailableFilter(app.getHttpAdapter()));
  app.enableShutdownHooks();
  const server: Server = await app.listen(port, listenHost);
  // Browsers keep the connections of closed streams open. A shutdown waits for idle connections this long,
  server.keepAliveTimeout = 1_000;
  // and SHUTDOWN_TIMEOUT_MS for connections with a running request, which may never complete.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () =>
      setTimeout(() => server.closeAllConnections(), SHUTDOWN_TIMEOUT_MS).unref(),
    );
  }
  return { app, port: (server.address() as AddressInfo).port };
}
