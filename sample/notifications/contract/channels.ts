import { buildChannel } from 'nestjs-redis-pubsub';

/** Goes before every channel and key, so that applications on one Redis do not meet. */
export const PREFIX = 'sample:';

/** What happened to a user: `user.followed`, `user.messaged`. A new kind needs no new subscription. */
export const USER_EVENTS = 'user.*';
/** What happened to a post: `post.liked`, `post.commented`. */
export const POST_EVENTS = 'post.:action';
/** What an administrator has to say to everybody. */
export const ANNOUNCEMENT = 'announcement.published';

/** Where everybody's notifications are. */
export const BROADCAST = 'notifications.broadcast';

/** Where one user's notifications are. Throws for an id that would reach another channel. */
export function userChannel(userId: string): string {
  return buildChannel('notifications.user.:userId', { userId });
}
