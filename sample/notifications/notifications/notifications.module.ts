import { Module } from '@nestjs/common';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { PREFIX } from '../contract/channels.js';
import { InboxModule } from '../inbox/inbox.module.js';
import { settings } from '../process/settings.js';
import { AnnouncementsHandler } from './announcements.handler.js';
import { Notifier } from './notifier.js';
import { EventDeduplicator } from './event-deduplicator.js';
import { PostEventsHandler } from './post-events.handler.js';
import { UserEventsHandler } from './user-events.handler.js';

/** Handlers are providers; RedisPubSubModule finds their decorators. */
@Module({
  imports: [
    RedisPubSubModule.forRoot({ connection: settings.redisUrl, prefix: PREFIX }),
    InboxModule,
  ],
  providers: [
    Notifier,
    EventDeduplicator,
    UserEventsHandler,
    PostEventsHandler,
    AnnouncementsHandler,
  ],
})
export class NotificationsModule {}
