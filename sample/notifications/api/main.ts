import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { runService } from '../process/run-service.js';
import { ApiModule } from './api.module.js';
import { RedisAwayFilter } from './redis-away.filter.js';

await runService('api', async (options) => {
  const app = await NestFactory.create(ApiModule, options);
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, transform: true }));
  app.useGlobalFilters(new RedisAwayFilter());
  app.enableShutdownHooks();
  const server = (await app.listen(Number(process.env.PORT ?? 3000))) as Server;
  // Browsers keep the connections of streams that have ended; a shutdown waits for them this long.
  server.keepAliveTimeout = 1_000;
  return { port: (server.address() as AddressInfo).port };
});
