import { Module } from '@nestjs/common';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { PREFIX } from '../contract/channels.js';
import { ChangeLimitModule } from '../http/change-limit.js';
import { InboxModule } from '../inbox/inbox.module.js';
import { settings } from '../process/settings.js';
import { SessionModule } from '../session/session.module.js';
import { BroadcastsController } from './broadcasts.controller.js';
import { LiveEvents } from './live-events.js';
import { MessagesController } from './messages.controller.js';
import { NotificationsController } from './notifications.controller.js';
import { OpenStreams } from './open-streams.js';
import { Presence } from './presence.js';
import { SessionController } from './session.controller.js';
import { StreamController } from './stream.controller.js';
import { Traffic } from './traffic.js';

@Module({
  imports: [
    RedisPubSubModule.forRoot({ connection: settings.redisUrl, prefix: PREFIX }),
    InboxModule,
    SessionModule,
    ChangeLimitModule,
  ],
  controllers: [
    SessionController,
    NotificationsController,
    StreamController,
    MessagesController,
    BroadcastsController,
  ],
  providers: [LiveEvents, OpenStreams, Presence, Traffic],
})
export class GatewayModule {}
