import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { runService } from '../process/run-service.js';
import { refuseOtherHosts } from '../../support/allowed-hosts.js';
import { traceRequests } from '../monitoring/tracing.js';
import { serveHttp } from '../http/serve-http.js';
import { ActivityModule } from './activity.module.js';

await runService('activity', async (options, settings) => {
  const app = await NestFactory.create<NestExpressApplication>(ActivityModule, options);
  await traceRequests(app, { continues: true });
  app.use(refuseOtherHosts(settings));
  return serveHttp(app, settings);
});
