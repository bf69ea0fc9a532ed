import { Injectable } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ChannelParam } from 'nestjs-redis-pubsub';
import { POST_EVENTS } from '../contract/channels.js';
import { nameOf } from '../contract/demo-users.js';
import { PostEvent } from '../contract/events.js';
import { Notifier, type NotificationText } from './notifier.js';

/** Notifies authors of likes and comments on their posts. */
@Injectable()
export class PostEventsHandler {
  constructor(private readonly notifier: Notifier) {}

  @EventPattern<string>(POST_EVENTS)
  async notify(@Payload() event: PostEvent, @ChannelParam('action') action: string): Promise<void> {
    const textOf = TEXTS.get(action);
    const isOwnPost = event.actorId === event.userId;
    if (!textOf || isOwnPost) return;
    const { id, userId, ...data } = event;
    await this.notifier.notifyUser(userId, { id, data }, textOf(event));
  }
}

/** The notification texts by action; other actions cause no notification. */
const TEXTS: ReadonlyMap<string, (event: PostEvent) => NotificationText> = new Map(
  Object.entries({
    liked: ({ actorId }) => ({
      type: 'success',
      title: `${nameOf(actorId)} liked your post`,
      message: '',
    }),
    commented: ({ actorId, text }) => ({
      type: 'info',
      title: `${nameOf(actorId)} commented on your post`,
      message: text ?? '',
    }),
  }),
);
