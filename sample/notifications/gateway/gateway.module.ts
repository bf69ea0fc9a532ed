import { Module } from '@nestjs/common';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { PubSubInspectorModule } from 'nestjs-redis-pubsub/inspector';
import { tracingOf } from '../monitoring/tracing.js';
import { HISTORY, PREFIX } from '../contract/channels.js';
import { ChangeLimitModule } from '../http/change-limit.js';
import { InboxModule } from '../inbox/inbox.module.js';
import {
  serviceSettings,
  SettingsModule,
  type ServiceSettings,
} from '../process/settings.module.js';
import { AdministratorGuard } from '../session/administrator.guard.js';
import { SessionGuard } from '../session/session.guard.js';
import { SessionModule } from '../session/session.module.js';
import { BroadcastsController } from './broadcasts.controller.js';
import { LiveEvents } from './live-events.js';
import { MessagesController } from './messages.controller.js';
import { NoticesController } from './notices.controller.js';
import { NotificationsController } from './notifications.controller.js';
import { OpenStreams } from './open-streams.js';
import { Presence } from './presence.js';
import { SessionController } from './session.controller.js';
import { StreamController } from './stream.controller.js';
import { Traffic } from './traffic.js';

const tracing = await tracingOf('gateway');

@Module({
  imports: [
    SettingsModule,
    ...tracing,
    RedisPubSubModule.forRootAsync({
      inject: [serviceSettings.KEY],
      useFactory: ({ redisUrl }: ServiceSettings) => ({
        name: 'gateway',
        connection: redisUrl,
        prefix: PREFIX,
        history: HISTORY,
      }),
    }),
    // The fleet at /pubsub, for administrators.
    PubSubInspectorModule.forRoot({
      route: 'pubsub',
      guard: [SessionGuard, AdministratorGuard],
      imports: [SessionModule],
    }),
    InboxModule,
    SessionModule,
    ChangeLimitModule,
  ],
  controllers: [
    SessionController,
    NotificationsController,
    NoticesController,
    StreamController,
    MessagesController,
    BroadcastsController,
  ],
  providers: [LiveEvents, OpenStreams, Presence, Traffic],
})
export class GatewayModule {}
