import { randomUUID } from 'node:crypto';
import type { Notification } from '../contract/notification.js';

/** A notification as others are, that is told apart by its `sequence`. */
export function notificationOf(userId: string, sequence: number): Notification {
  return {
    id: randomUUID(),
    userId,
    type: 'info',
    title: 'New message',
    message: 'Somebody wrote: shall we meet for lunch at half past twelve?',
    timestamp: new Date().toISOString(),
    read: false,
    data: { sequence },
  };
}
