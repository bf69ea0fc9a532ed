import { fileURLToPath } from 'node:url';
import { ValidationPipe, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { ResumableStreams } from 'nestjs-redis-pubsub/resumable';
import { refuseOtherOrigins } from '../notifications/gateway/same-origin.js';
import { refuseOtherHosts } from '../support/allowed-hosts.js';
import { RedisUnavailableFilter } from '../notifications/http/redis-unavailable.filter.js';
import { AnswersController } from './answers.controller.js';
import { InstanceController, InstanceSettings } from './instance.controller.js';

/** Nothing on the page comes from another origin, or may be framed by one. */
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

/** An instance of the assistant. */
export type Instance = NestExpressApplication;

class AssistantModule {
  static forRoot(settings: InstanceSettings): DynamicModule {
    return {
      module: AssistantModule,
      imports: [RedisPubSubModule.forRoot({ name: 'assistant', connection: settings.redisUrl })],
      controllers: [AnswersController, InstanceController],
      providers: [ResumableStreams, { provide: InstanceSettings, useValue: settings }],
    };
  }
}

/** Starts an instance; resolves when it listens on this machine. */
export async function startInstance(settings: InstanceSettings): Promise<Instance> {
  const app = await NestFactory.create<NestExpressApplication>(AssistantModule.forRoot(settings), {
    logger: ['warn', 'error'],
    abortOnError: false,
    // The streams of readers never end by themselves.
    forceCloseConnections: true,
  });
  app.use(helmet({ contentSecurityPolicy: POLICY, frameguard: { action: 'deny' } }));
  app.use(refuseOtherHosts({ allowedHosts: [] }));
  app.use(refuseOtherOrigins);
  app.useGlobalPipes(new ValidationPipe({ whitelist: true }));
  app.useGlobalFilters(new RedisUnavailableFilter(app.getHttpAdapter()));
  app.setGlobalPrefix('api');
  app.useStaticAssets(fileURLToPath(new URL('page', import.meta.url)));
  await app.listen(settings.port, '127.0.0.1');
  return app;
}
