import { Module } from '@nestjs/common';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { tracingOf } from '../monitoring/tracing.js';
import { PREFIX } from '../contract/channels.js';
import { ChangeLimitModule } from '../http/change-limit.js';
import {
  serviceSettings,
  SettingsModule,
  type ServiceSettings,
} from '../process/settings.module.js';
import { SessionModule } from '../session/session.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { ActivityEvents } from './activity.events.js';
import { ActivityStore } from './activity.store.js';
import { PostsController } from './posts.controller.js';
import { UsersController } from './users.controller.js';

const tracing = await tracingOf('activity');

@Module({
  imports: [
    SettingsModule,
    ...tracing,
    RedisPubSubModule.forRootAsync({
      inject: [serviceSettings.KEY],
      useFactory: ({ redisUrl }: ServiceSettings) => ({
        name: 'activity',
        connection: redisUrl,
        prefix: PREFIX,
      }),
    }),
    StorageModule,
    SessionModule,
    ChangeLimitModule,
  ],
  controllers: [UsersController, PostsController],
  providers: [ActivityStore, ActivityEvents],
})
export class ActivityModule {}
