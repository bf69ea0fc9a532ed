/** @import { Inbox, Notification } from './types.js' */

/** The same limit as in the gateway. */
export const INBOX_SIZE = 100;

/** @type {Inbox} */
export const emptyInbox = {
  notifications: [],
  readIds: new Set(),
  isLoading: false,
  isLoaded: false,
  receivedWhileLoading: [],
};

/**
 * @param {Inbox} inbox
 * @returns {Inbox}
 */
export function beginLoading(inbox) {
  return { ...inbox, isLoading: true, receivedWhileLoading: [], failure: undefined };
}

/**
 * Replaces the notifications with the loaded ones. Then adds those that arrived during the load, because the
 * response can be older than they are.
 *
 * @param {Inbox} inbox
 * @param {readonly Notification[]} loaded
 * @returns {Inbox}
 */
export function finishLoading(inbox, loaded) {
  const known = [...loaded, ...inbox.receivedWhileLoading].map(({ id }) => id);
  const readIds = new Set(known.filter((id) => inbox.readIds.has(id)));
  const fresh = { ...inbox, readIds, notifications: markRead(loaded, readIds) };
  return {
    ...inbox.receivedWhileLoading.reduce(addNotification, fresh),
    isLoading: false,
    isLoaded: true,
    receivedWhileLoading: [],
  };
}

/**
 * Keeps the current notifications and stores the failure.
 *
 * @param {Inbox} inbox
 * @param {string} failure
 * @returns {Inbox}
 */
export function failLoading(inbox, failure) {
  return { ...inbox, isLoading: false, receivedWhileLoading: [], failure };
}

/**
 * Adds a notification from the stream. A known one changes nothing.
 *
 * @param {Inbox} inbox
 * @param {Notification} notification
 * @returns {Inbox}
 */
export function receiveNotification(inbox, notification) {
  const added = addNotification(inbox, notification);
  return inbox.isLoading
    ? { ...added, receivedWhileLoading: [...inbox.receivedWhileLoading, notification] }
    : added;
}

/**
 * Marks notifications as read, in this tab or another one.
 *
 * @param {Inbox} inbox
 * @param {readonly string[]} ids
 * @returns {Inbox}
 */
export function receiveRead(inbox, ids) {
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
