import { Module } from '@nestjs/common';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { ChannelFeeds } from '../gateway/channel-feeds.js';
import { ConnectionGateway } from '../gateway/connection.gateway.js';
import { Forwarder } from '../gateway/forwarder.js';
import { GapRepair } from '../gateway/gap-repair.js';
import { MessageGateway } from '../gateway/message.gateway.js';
import { OpenRooms } from '../gateway/open-rooms.js';
import { RoomGateway } from '../gateway/room.gateway.js';
import { SocketSessions } from '../gateway/socket-sessions.js';
import { MessageStore } from '../messages/message.store.js';
import { ReadMarks } from '../messages/read-marks.js';
import { Presence } from '../presence/presence.js';
import { SessionModule } from '../session/session.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { PREFIX } from './channels.js';
import { readSettings } from './settings.js';

@Module({
  imports: [
    RedisPubSubModule.forRootAsync({
      useFactory: () => ({ name: 'chat', connection: readSettings().redisUrl, prefix: PREFIX }),
    }),
    SessionModule,
    StorageModule,
  ],
  providers: [
    ConnectionGateway,
    RoomGateway,
    MessageGateway,
    ChannelFeeds,
    Forwarder,
    GapRepair,
    OpenRooms,
    SocketSessions,
    MessageStore,
    ReadMarks,
    Presence,
  ],
})
export class ChatModule {}
