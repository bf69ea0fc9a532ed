import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { BROADCAST, userChannel } from '../contract/channels.js';
import type { Notification } from '../contract/notification.js';

export type NotificationText = Pick<Notification, 'type' | 'title' | 'message'>;

/** Makes notifications and publishes each where those whom it concerns listen. */
@Injectable()
export class Notifier {
  constructor(private readonly pubsub: RedisPubSubService) {}

  async notifyUser(userId: string, text: NotificationText, data: unknown): Promise<void> {
    await this.pubsub.publish(userChannel(userId), createNotification(userId, text, data));
  }

  async notifyEverybody(text: NotificationText, data: unknown): Promise<void> {
    await this.pubsub.publish(BROADCAST, createNotification(null, text, data));
  }
}

function createNotification(
  userId: string | null,
  text: NotificationText,
  data: unknown,
): Notification {
  const timestamp = new Date().toISOString();
  return { id: randomUUID(), userId, ...text, timestamp, read: false, data };
}
