import { Controller, Param, Sse } from '@nestjs/common';
import { RedisPubSubService, type PubSubMessage } from 'nestjs-redis-pubsub';
import { merge, type Observable } from 'rxjs';
import { BROADCAST, userChannel } from '../contract/channels.js';
import type { Notification } from '../contract/notification.js';
import { UserParams } from './requests.js';

/**
 * The notifications of one user as server-sent events, while the connection is open. Redis has one
 * subscription per user with an open stream, and one for the broadcasts, however many streams.
 */
@Controller('users')
export class StreamController {
  constructor(private readonly pubsub: RedisPubSubService) {}

  @Sse(':id/notifications/stream')
  stream(@Param() { id }: UserParams): Observable<PubSubMessage<Notification>> {
    return merge(
      this.pubsub.observe<Notification>(userChannel(id)),
      this.pubsub.observe<Notification>(BROADCAST),
    );
  }
}
