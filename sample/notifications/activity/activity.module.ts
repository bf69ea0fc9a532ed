import { Module } from '@nestjs/common';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { PREFIX } from '../contract/channels.js';
import { ChangeLimitModule } from '../http/change-limit.js';
import { settings } from '../process/settings.js';
import { SessionModule } from '../session/session.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { ActivityEvents } from './activity.events.js';
import { ActivityStore } from './activity.store.js';
import { PostsController } from './posts.controller.js';
import { UsersController } from './users.controller.js';

@Module({
  imports: [
    RedisPubSubModule.forRoot({ connection: settings.redisUrl, prefix: PREFIX }),
    StorageModule,
    SessionModule,
    ChangeLimitModule,
  ],
  controllers: [UsersController, PostsController],
  providers: [ActivityStore, ActivityEvents],
})
export class ActivityModule {}
