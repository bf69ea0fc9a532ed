import { Injectable } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { Channel } from 'nestjs-redis-pubsub';
import { USER_EVENTS } from '../contract/channels.js';
import { UserEvent } from '../contract/events.js';
import { Notifier, type NotificationText } from './notifier.js';

/** Tells a user what happened to them. */
@Injectable()
export class UserEventHandler {
  constructor(private readonly notifier: Notifier) {}

  @EventPattern<string>(USER_EVENTS)
  async notify(@Payload() event: UserEvent, @Channel() channel: string): Promise<void> {
    const textOf = TEXTS[channel];
    if (textOf) await this.notifier.notifyUser(event.userId, textOf(event), event);
  }
}

/** The events that are worth a notification. */
const TEXTS: Readonly<Record<string, (event: UserEvent) => NotificationText>> = {
  'user.registered': () => ({
    type: 'success',
    title: 'Welcome',
    message: 'Your account is ready',
  }),
  'user.followed': ({ actorId }) => ({
    type: 'info',
    title: 'New follower',
    message: `${actorId ?? 'Somebody'} follows you`,
  }),
  'user.mentioned': ({ actorId, text }) => ({
    type: 'info',
    title: 'You were mentioned',
    message: `${actorId ?? 'Somebody'} wrote: ${text ?? '…'}`,
  }),
};
