export const NOTIFICATION_TYPES = ['info', 'warning', 'error', 'success'] as const;

export type NotificationType = (typeof NOTIFICATION_TYPES)[number];

/** A notification as the page shows it. */
export interface Notification {
  readonly id: string;
  /** `null` for all users. */
  readonly userId: string | null;
  readonly type: NotificationType;
  readonly title: string;
  readonly message: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly read: boolean;
  /** The data of the event. */
  readonly data: unknown;
}

/** The second kind of message on a user's channel: the ids of notifications that the user has read in any tab. */
export interface NotificationsRead {
  readonly ids: readonly string[];
}

/** Whether a value has all fields of a notification that the page shows. */
export function isNotification(value: unknown): value is Notification {
  const { id, type, title, message, timestamp } = fieldsOf(value);
  return (
    [id, title, message].every(isString) &&
    NOTIFICATION_TYPES.some((it) => it === type) &&
    isString(timestamp) &&
    !Number.isNaN(Date.parse(timestamp))
  );
}

/** Whether a value is an event that names a post. */
export function isPostChange(value: unknown): value is { readonly postId: string } {
  return isString(fieldsOf(value).postId);
}

export function isNotificationsRead(value: unknown): value is NotificationsRead {
  const { ids } = fieldsOf(value);
  return Array.isArray(ids) && ids.every(isString);
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}
