/** @import { Notification, State } from './types.js' */

/**
 * What a notification is about, from the data of its event:
 *
 * - `like` and `comment`: a post of the user
 * - `message` and `follow`: another user
 * - `other`: anything else, such as a notification from another client of Redis
 *
 * @typedef {'like' | 'comment' | 'message' | 'follow' | 'other'} Happening
 */

/**
 * @param {Notification} notification
 * @returns {Happening}
 */
export function happeningOf({ data }) {
  const { actorId, postId, text } = data ?? {};
  if (typeof actorId !== 'string') return 'other';
  const hasText = typeof text === 'string';
  if (typeof postId === 'string') return hasText ? 'comment' : 'like';
  return hasText ? 'message' : 'follow';
}

/**
 * The id of the element that a notification leads to; `undefined` if the page has none.
 *
 * @param {Notification} notification
 * @param {State} state
 */
export function targetOf(notification, { posts, people }) {
  const { actorId, postId } = notification.data ?? {};
  const happening = happeningOf(notification);
  if (happening === 'other') return undefined;
  if (happening === 'like' || happening === 'comment') {
    const post = posts.value?.find(({ id }) => id === postId);
    return post && `post-${post.id}`;
  }
  const person = people.value?.find(({ id }) => id === actorId);
  return person && `person-${person.id}`;
}
