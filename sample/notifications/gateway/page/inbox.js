/** @import { Inbox, Notification } from './types.js' */

/** As many as the gateway keeps. */
export const INBOX_SIZE = 100;

/** @type {Inbox} */
export const emptyInbox = {
  notifications: [],
  readIds: new Set(),
  isLoading: false,
  isLoaded: false,
  heard: [],
};

/**
 * @param {Inbox} inbox
 * @returns {Inbox}
 */
export function beginLoading(inbox) {
  return { ...inbox, isLoading: true, heard: [], failure: undefined };
}

/**
 * What was loaded takes the place of what was there. What was heard since the loading began is
 * put on top of it: the answer may be older than that.
 *
 * @param {Inbox} inbox
 * @param {readonly Notification[]} loaded
 * @returns {Inbox}
 */
export function finishLoading(inbox, loaded) {
  const known = [...loaded, ...inbox.heard].map(({ id }) => id);
  const readIds = new Set(known.filter((id) => inbox.readIds.has(id)));
  const fresh = { ...inbox, readIds, notifications: markRead(loaded, readIds) };
  return {
    ...inbox.heard.reduce(addNotification, fresh),
    isLoading: false,
    isLoaded: true,
    heard: [],
  };
}

/**
 * Keeps what is there.
 *
 * @param {Inbox} inbox
 * @param {string} failure
 * @returns {Inbox}
 */
export function failLoading(inbox, failure) {
  return { ...inbox, isLoading: false, heard: [], failure };
}

/**
 * A notification that the stream brought. One that is known changes nothing.
 *
 * @param {Inbox} inbox
 * @param {Notification} notification
 * @returns {Inbox}
 */
export function hearNotification(inbox, notification) {
  const added = addNotification(inbox, notification);
  return inbox.isLoading ? { ...added, heard: [...inbox.heard, notification] } : added;
}

/**
 * Notifications that were read, here or elsewhere.
 *
 * @param {Inbox} inbox
 * @param {readonly string[]} ids
 * @returns {Inbox}
 */
export function hearRead(inbox, ids) {
  const readIds = new Set([...inbox.readIds, ...ids]);
  return { ...inbox, readIds, notifications: markRead(inbox.notifications, readIds) };
}

/**
 * @param {Inbox} inbox
 * @param {string} id
 */
export function isKnown(inbox, id) {
  return inbox.notifications.some((notification) => notification.id === id);
}

/** @param {Inbox} inbox */
export function unreadIds(inbox) {
  return inbox.notifications.filter(({ read }) => !read).map(({ id }) => id);
}

/**
 * @param {Inbox} inbox
 * @param {Notification} notification
 * @returns {Inbox}
 */
function addNotification(inbox, notification) {
  if (isKnown(inbox, notification.id)) return inbox;
  const [added] = markRead([notification], inbox.readIds);
  return {
    ...inbox,
    notifications: [added ?? notification, ...inbox.notifications].slice(0, INBOX_SIZE),
  };
}

/**
 * @param {readonly Notification[]} notifications
 * @param {ReadonlySet<string>} readIds
 */
function markRead(notifications, readIds) {
  return notifications.map((notification) =>
    notification.read || !readIds.has(notification.id)
      ? notification
      : { ...notification, read: true },
  );
}
