import { Module } from '@nestjs/common';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { PREFIX } from '../contract/channels.js';
import { AnnouncementHandler } from './announcement.handler.js';
import { Notifier } from './notifier.js';
import { UserEventHandler } from './user-event.handler.js';

/** Handlers are providers: the module finds their decorators. */
@Module({
  imports: [RedisPubSubModule.forRoot({ connection: process.env.REDIS_URL, prefix: PREFIX })],
  providers: [Notifier, UserEventHandler, AnnouncementHandler],
})
export class NotificationsModule {}
