import { buildChannel } from 'nestjs-redis-pubsub';

/** The prefix of every channel and key, which separates applications on one Redis server. */
export const PREFIX = 'sample:';

/** Events of a user: `user.followed`, `user.messaged`. A new event needs no new subscription. */
export const USER_EVENTS = 'user.*';
/** Events of a post: `post.liked`, `post.unliked`, `post.commented`. The gateways receive them, too. */
export const POST_EVENTS = 'post.:action';
/** Announcements of an administrator to all users. */
export const ANNOUNCEMENT = 'announcement.published';
/** Notices of an administrator to one user. */
export const NOTICE = 'notice.sent';

const USER_CHANNELS = 'notifications.user.';
const USER_CHANNEL = `${USER_CHANNELS}:userId`;

/** What Redis keeps of the channel of each user, for pages that were away for a moment. */
export const HISTORY = { [USER_CHANNEL]: { size: 100, ttl: 600_000 } };

/** Names the users whose channel has a new subscriber, or one less, at any gateway. */
export const PRESENCE = 'presence.changed';

/** The channel of notifications for all users. */
export const BROADCAST = 'notifications.broadcast';

/** The user whose channel has this name in Redis; `undefined` if it is another channel. */
export function userOfChannel(name: string): string | undefined {
  const start = `${PREFIX}${USER_CHANNELS}`;
  return name.startsWith(start) ? name.slice(start.length) : undefined;
}

/** Whether a name in Redis, with the prefix, is the channel of the notifications of another user. */
export function isChannelOfOtherUser(name: string, userId: string): boolean {
  const owner = userOfChannel(name);
  return owner !== undefined && owner !== userId;
}

/** The channel of one user's notifications. Throws for an id that contains a separator. */
export function userChannel(userId: string): string {
  return buildChannel(USER_CHANNEL, { userId });
}
