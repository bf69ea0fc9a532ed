import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { RedisPubSubServer } from 'nestjs-redis-pubsub';
import { runService } from '../process/run-service.js';
import { eventValidation, InvalidEventFilter } from './invalid-event.js';
import { NotificationsModule } from './notifications.module.js';

await runService('notifications', async (options) => {
  const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(NotificationsModule, {
    ...options,
    inject: [RedisPubSubServer],
    useFactory: (strategy: RedisPubSubServer) => ({ strategy }),
  });
  app.useGlobalPipes(eventValidation);
  app.useGlobalFilters(new InvalidEventFilter());
  app.enableShutdownHooks();
  await app.listen();
  return { app };
});
