import { Injectable } from '@nestjs/common';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { BROADCAST, userChannel } from '../contract/channels.js';
import type { Notification } from '../contract/notification.js';
import { Inbox } from '../inbox/inbox.js';
import { EventDeduplicator } from './event-deduplicator.js';

export type NotificationText = Pick<Notification, 'type' | 'title' | 'message'>;

/** What causes a notification. */
export interface Occasion {
  /** The id of the event. */
  readonly id: string;
  readonly data: object;
}

/**
 * Creates a notification from an event, stores it in the inbox of the user, then publishes it. A user that is
 * offline finds it in the inbox. A broadcast is not stored and reaches only users that are online.
 */
@Injectable()
export class Notifier {
  constructor(
    private readonly pubsub: RedisPubSubService,
    private readonly inbox: Inbox,
    private readonly deduplicator: EventDeduplicator,
  ) {}

  async notifyUser(userId: string, { id, data }: Occasion, text: NotificationText): Promise<void> {
    const notification: Notification = { id, userId, ...text, ...unread(), data };
    const isFirst = await this.inbox.add(userId, notification);
    if (isFirst) await this.pubsub.publish(userChannel(userId), notification);
  }

  async notifyEverybody({ id, data }: Occasion, text: NotificationText): Promise<void> {
    const notification: Notification = { id, userId: null, ...text, ...unread(), data };
    const isFirst = await this.deduplicator.isFirst(id);
    if (isFirst) await this.pubsub.publish(BROADCAST, notification);
  }
}

function unread(): Pick<Notification, 'timestamp' | 'read'> {
  return { timestamp: new Date().toISOString(), read: false };
}
