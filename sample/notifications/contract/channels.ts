import { buildChannel } from 'nestjs-redis-pubsub';

/** The prefix of every channel and key, which separates applications on one Redis server. */
export const PREFIX = 'sample:';

/** Events of a user: `user.followed`, `user.messaged`. A new event needs no new subscription. */
export const USER_EVENTS = 'user.*';
/** Events of a post: `post.liked`, `post.unliked`, `post.commented`. The gateways receive them, too. */
export const POST_EVENTS = 'post.:action';
/** Announcements of an administrator to all users. */
export const ANNOUNCEMENT = 'announcement.published';

const USER_CHANNELS = 'notifications.user.';

/** The channel of notifications for all users. */
export const BROADCAST = 'notifications.broadcast';

/** Whether a name in Redis, with the prefix, is the channel of the notifications of another user. */
export function isChannelOfOtherUser(name: string, userId: string): boolean {
  return name.startsWith(`${PREFIX}${USER_CHANNELS}`) && name !== PREFIX + userChannel(userId);
}

/** The channel of one user's notifications. Throws for an id that contains a separator. */
export function userChannel(userId: string): string {
  return buildChannel(`${USER_CHANNELS}:userId`, { userId });
}
