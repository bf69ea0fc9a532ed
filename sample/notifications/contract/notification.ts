export const NOTIFICATION_TYPES = ['info', 'warning', 'error', 'success'] as const;

export type NotificationType = (typeof NOTIFICATION_TYPES)[number];

/** What a user gets to see. */
export interface Notification {
  readonly id: string;
  /** `null` for everybody. */
  readonly userId: string | null;
  readonly type: NotificationType;
  readonly title: string;
  readonly message: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly read: boolean;
  /** What it tells of. */
  readonly data: unknown;
}

/**
 * The other message on a user's channel, told apart by the header `event: read`: these notifications
 * have been read, in whichever tab.
 */
export interface NotificationsRead {
  readonly ids: readonly string[];
}
