// A dashboard: a worker publishes the prices of many tickers, and a page shows them. Between the two, newer prices take
// the place of older ones, at the speed of the page and of a slow database.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { connection, runSample } from '../support/run-sample.js';
import { PREFIX } from './channels.js';
import { DashboardController } from './dashboard.controller.js';
import { LivePrices } from './live-prices.js';
import { PriceStore } from './price-store.js';
import { LOOPBACK, settings } from './settings.js';

@Module({
  imports: [RedisPubSubModule.forRoot({ connection, name: 'dashboard', prefix: PREFIX })],
  controllers: [DashboardController],
  providers: [LivePrices, PriceStore],
})
class DashboardModule {}

await runSample(async () => {
  const app = await NestFactory.create<NestExpressApplication>(DashboardModule, {
    logger: ['warn', 'error'],
  });
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'self'"] } },
    }),
  );
  app.useStaticAssets(fileURLToPath(new URL('page', import.meta.url)));
  const server: Server = await app.listen(settings.port, LOOPBACK);
  const worker = fork(new URL('worker.js', import.meta.url), {
    env: { ...process.env, REDIS_URL: connection },
  });
  worker.once('exit', () => console.error('The worker has ended: there are no new prices'));
  const { port } = server.address() as AddressInfo;
  console.log(`The dashboard is ready at http://localhost:${port}; Ctrl-C stops it`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  worker.removeAllListeners('exit');
  worker.kill();
  // Streams do not end by themselves.
  server.closeAllConnections();
  await app.close();
});
