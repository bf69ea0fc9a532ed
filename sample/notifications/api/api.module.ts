import { Module } from '@nestjs/common';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { PREFIX } from '../contract/channels.js';
import { AnnouncementsController } from './announcements.controller.js';
import { StreamController } from './stream.controller.js';
import { UsersController } from './users.controller.js';

@Module({
  imports: [RedisPubSubModule.forRoot({ connection: process.env.REDIS_URL, prefix: PREFIX })],
  controllers: [UsersController, AnnouncementsController, StreamController],
})
export class ApiModule {}
