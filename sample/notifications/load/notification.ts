import { randomUUID } from 'node:crypto';
import type { Notification } from '../contract/notification.js';

/** A notification that is identified by its `sequence`. */
export function notificationOf(userId: string, sequence: number): Notification {
  return {
    id: randomUUID(),
    userId,
    type: 'info',
    title: 'New message',
    message: 'Bob wrote: shall we meet for lunch at half past twelve today?',
    timestamp: new Date().toISOString(),
    read: false,
    data: { sequence },
  };
}
