import { buildChannel } from 'nestjs-redis-pubsub';

/** Goes before every channel, so that applications on one Redis do not hear each other. */
export const PREFIX = 'sample:';

/** A new kind of domain event needs no new subscription. */
export const USER_EVENTS = 'user.*';
export const ANNOUNCEMENT = 'announcement.published';

/** Where everybody's notifications are. */
export const BROADCAST = 'notifications.broadcast';

/** Where one user's notifications are. Throws for an id that would reach another channel. */
export function userChannel(userId: string): string {
  return buildChannel('notifications.user.:userId', { userId });
}
