import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { runService } from '../process/run-service.js';
import { refuseOtherHosts } from '../http/allowed-hosts.js';
import { serveHttp } from '../http/serve-http.js';
import { ActivityModule } from './activity.module.js';

await runService('activity', async (options) => {
  const app = await NestFactory.create<NestExpressApplication>(ActivityModule, options);
  app.use(refuseOtherHosts());
  return serveHttp(app);
});
