import { Module } from '@nestjs/common';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { tracingOf } from '../monitoring/tracing.js';
import { HISTORY, PREFIX } from '../contract/channels.js';
import { InboxModule } from '../inbox/inbox.module.js';
import {
  serviceSettings,
  SettingsModule,
  type ServiceSettings,
} from '../process/settings.module.js';
import { AnnouncementsHandler } from './announcements.handler.js';
import { Notifier } from './notifier.js';
import { EventDeduplicator } from './event-deduplicator.js';
import { PostEventsHandler } from './post-events.handler.js';
import { UserEventsHandler } from './user-events.handler.js';

const tracing = await tracingOf('notifications');

/** Handlers are providers; RedisPubSubModule finds their decorators. */
@Module({
  imports: [
    SettingsModule,
    ...tracing,
    RedisPubSubModule.forRootAsync({
      inject: [serviceSettings.KEY],
      useFactory: ({ redisUrl }: ServiceSettings) => ({
        name: 'notifications',
        connection: redisUrl,
        prefix: PREFIX,
        history: HISTORY,
      }),
    }),
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
