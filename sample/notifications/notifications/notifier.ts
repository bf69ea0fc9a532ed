import { Injectable } from '@nestjs/common';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { BROADCAST, userChannel } from '../contract/channels.js';
import type { UserEvent } from '../contract/events.js';
import type { Notification } from '../contract/notification.js';
import { Inbox } from '../inbox/inbox.js';
import { Once } from './once.js';

export type NotificationText = Pick<Notification, 'type' | 'title' | 'message'>;

/**
 * Makes a notification of an event: stores it, then publishes it where those whom it concerns
 * listen. Who is away finds it in the inbox; a broadcast is for those who are there.
 */
@Injectable()
export class Notifier {
  constructor(
    private readonly pubsub: RedisPubSubService,
    private readonly inbox: Inbox,
    private readonly once: Once,
  ) {}

  async notifyUser({ id, userId, ...data }: UserEvent, text: NotificationText): Promise<void> {
    const notification: Notification = { id, userId, ...text, ...unread(), data };
    const isFirst = await this.inbox.add(userId, notification);
    if (isFirst) await this.pubsub.publish(userChannel(userId), notification);
  }

  async notifyEverybody(id: string, text: NotificationText): Promise<void> {
    const notification: Notification = { id, userId: null, ...text, ...unread(), data: {} };
    const isFirst = await this.once.isFirst(id);
    if (isFirst) await this.pubsub.publish(BROADCAST, notification);
  }
}

function unread(): Pick<Notification, 'timestamp' | 'read'> {
  return { timestamp: new Date().toISOString(), read: false };
}
