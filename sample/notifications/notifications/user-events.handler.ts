import { Injectable } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Channel } from 'nestjs-redis-pubsub';
import { USER_EVENTS } from '../contract/channels.js';
import { nameOf } from '../contract/demo-users.js';
import { UserEvent } from '../contract/events.js';
import { Notifier, type NotificationText } from './notifier.js';

/** Notifies users of new followers and messages. */
@Injectable()
export class UserEventsHandler {
  constructor(private readonly notifier: Notifier) {}

  @EventPattern<string>(USER_EVENTS)
  async notify(@Payload() event: UserEvent, @Channel() channel: string): Promise<void> {
    const textOf = TEXTS.get(channel);
    if (!textOf) return;
    const { id, userId, ...data } = event;
    await this.notifier.notifyUser(userId, { id, data }, textOf(event));
  }
}

/** The notification texts by channel; other events cause no notification. */
const TEXTS: ReadonlyMap<string, (event: UserEvent) => NotificationText> = new Map(
  Object.entries({
    'user.followed': ({ actorId }) => ({
      type: 'success',
      title: `${nameOf(actorId)} follows you`,
      message: '',
    }),
    'user.messaged': ({ actorId, userId, text }) => ({
      type: 'info',
      title:
        actorId === userId
          ? 'You sent yourself a message'
          : `${nameOf(actorId)} sent you a message`,
      message: text ?? '',
    }),
  }),
);
