import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import cookieParser from 'cookie-parser';
import helmet from 'helmet';
import { refuseOtherHosts } from '../../support/allowed-hosts.js';
import { serveHttp } from '../http/serve-http.js';
import { traceRequests } from '../monitoring/tracing.js';
import { runService } from '../process/run-service.js';
import { sessionSettings, type SessionSettings } from '../session/session-settings.js';
import { activityProxy } from './activity-proxy.js';
import { GatewayModule } from './gateway.module.js';
import { refuseOtherOrigins } from './same-origin.js';
import { serveStaticFiles } from './static-files.js';

/** `default-src` covers neither the base URL, nor the targets of forms, nor the sites that show the page in a frame. */
const POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
};

await runService('gateway', async (options, settings) => {
  const app = await NestFactory.create<NestExpressApplication>(GatewayModule, options);
  await traceRequests(app);
  app.use(helmet({ contentSecurityPolicy: POLICY, frameguard: { action: 'deny' } }));
  app.use(refuseOtherHosts(settings));
  app.use(cookieParser());
  app.use(refuseOtherOrigins);
  app.use('/api/activity', activityProxy(settings, app.get<SessionSettings>(sessionSettings.KEY)));
  app.setGlobalPrefix('api');
  serveStaticFiles(app);
  return serveHttp(app, settings);
});
