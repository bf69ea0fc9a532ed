import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { PREFIX } from '../contract/channels.js';
import type { Notification } from '../contract/notification.js';
import { runTransaction } from '../storage/run-transaction.js';
import { ADD_NOTIFICATION } from './add-notification.js';
import { READ_NOTIFICATIONS } from './read-notifications.js';

/** The number of notifications that an inbox keeps. */
export const INBOX_SIZE = 100;
/** Time in which a repeated call with the same notification is detected, in seconds. */
const DEDUPLICATION_SECONDS = 600;
/** Time after the last notification until an inbox expires, in seconds. */
const INBOX_LIFETIME_SECONDS = 90 * 24 * 60 * 60;

export interface InboxContent {
  /** Newest first. */
  readonly notifications: readonly Notification[];
  readonly unread: number;
}

/** The notifications as JSON, newest first, whether each is unread, and the number of all unread ones. */
type Stored = [stored: (string | null)[], isUnread: (0 | 1)[], unread: number];

/** A script is called with its keys, then with its arguments. */
type Script<Result> = (...keysAndArguments: (string | number)[]) => Promise<Result>;

interface Scripts {
  readonly addNotification: Script<number>;
  readonly readNotifications: Script<Stored>;
}

/**
 * The last {@link INBOX_SIZE} notifications of each user, in Redis: a list of ids, a hash of
 * notifications, and a set of the unread ids. Every method is one atomic step.
 */
@Injectable()
export class Inbox {
  readonly #redis: Redis & Scripts;

  constructor(redis: Redis) {
    redis.defineCommand('addNotification', { numberOfKeys: 4, lua: ADD_NOTIFICATION });
    redis.defineCommand('readNotifications', { numberOfKeys: 3, lua: READ_NOTIFICATIONS });
    this.#redis = redis as Redis & Scripts;
  }

  /** Adds a notification as unread. Resolves to `false` if another instance has already added it. */
  async add(userId: string, notification: Notification): Promise<boolean> {
    const { seen, order, items, unread } = keysOf(userId);
    const keys = [seen(notification.id), order, items, unread];
    const limits = [INBOX_SIZE, DEDUPLICATION_SECONDS, INBOX_LIFETIME_SECONDS];
    const json = JSON.stringify(notification);
    return (await this.#redis.addNotification(...keys, notification.id, json, ...limits)) === 1;
  }

  /** The newest `limit` notifications. `unread` counts all of them. */
  async read(userId: string, limit = INBOX_SIZE): Promise<InboxContent> {
    const { order, items, unread } = keysOf(userId);
    const [stored, isUnread, count] = await this.#redis.readNotifications(
      order,
      items,
      unread,
      limit,
    );
    const notifications = stored.flatMap((json, i) =>
      json === null ? [] : { ...(JSON.parse(json) as Notification), read: isUnread[i] === 0 },
    );
    return { notifications, unread: count };
  }

  unreadCount(userId: string): Promise<number> {
    return this.#redis.scard(keysOf(userId).unread);
  }

  /** `changed` is `false` if the notification was already read; `exists` is `false` if it is not in the inbox. */
  async markRead(
    userId: string,
    id: string,
  ): Promise<{ exists: boolean; changed: boolean; unread: number }> {
    const { items, unread } = keysOf(userId);
    const [exists, changed, count] = await runTransaction<[number, number, number]>(
      this.#redis,
      (transaction) => transaction.hexists(items, id).srem(unread, id).scard(unread),
    );
    return { exists: exists === 1, changed: changed === 1, unread: count };
  }

  /** Resolves to the ids that were unread. */
  async markAllRead(userId: string): Promise<string[]> {
    const { unread } = keysOf(userId);
    const [ids] = await runTransaction<[string[]]>(this.#redis, (transaction) =>
      transaction.smembers(unread).del(unread),
    );
    return ids;
  }
}

/** The hash tag `{…}` keeps the keys of one user in the same slot of a Cluster. */
function keysOf(userId: string) {
  const inbox = `${PREFIX}inbox:{${userId}}`;
  return {
    order: `${inbox}:order`,
    items: `${inbox}:items`,
    unread: `${inbox}:unread`,
    seen: (id: string) => `${inbox}:seen:${id}`,
  };
}
