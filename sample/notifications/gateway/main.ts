import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';
import helmet from 'helmet';
import { serveHttp } from '../http/serve-http.js';
import { runService } from '../process/run-service.js';
import { activityProxy } from './activity-proxy.js';
import { GatewayModule } from './gateway.module.js';
import { refuseOtherOrigins } from './same-origin.js';
import { serveStaticFiles } from './static-files.js';

await runService('gateway', async (options) => {
  const app = await NestFactory.create<NestExpressApplication>(GatewayModule, options);
  const policy = { useDefaults: false, directives: { defaultSrc: ["'self'"] } };
  app.use(helmet({ contentSecurityPolicy: policy }));
  app.use(cookieParser());
  app.use(refuseOtherOrigins);
  app.use('/api/activity', activityProxy());
  app.setGlobalPrefix('api');
  serveStaticFiles(app);
  return serveHttp(app);
});
