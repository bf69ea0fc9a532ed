import { Injectable } from '@nestjs/common';
import { Redis } from 'ioredis';
import { PREFIX } from '../contract/channels.js';
import type { Notification } from '../contract/notification.js';
import { inOneStep } from '../storage/in-one-step.js';
import { ADD_NOTIFICATION } from './add-notification.js';

/** How many notifications a user keeps. */
export const INBOX_SIZE = 100;
/** For how long an instance that is late is told that a notification is there already, in seconds. */
const MEMORY = 600;
/** For how long an inbox is kept after the last notification, in seconds. */
const LIFETIME = 90 * 24 * 60 * 60;

export interface InboxContent {
  /** The newest first. */
  readonly notifications: readonly Notification[];
  readonly unread: number;
}

type AddNotification = (...keysAndArguments: (string | number)[]) => Promise<number>;

/**
 * The last {@link INBOX_SIZE} notifications of each user, in Redis: a list of ids, a hash of
 * notifications, and a set of the unread ids. Every method is one atomic step.
 */
@Injectable()
export class Inbox {
  readonly #redis: Redis & { addNotification: AddNotification };

  constructor(redis: Redis) {
    redis.defineCommand('addNotification', { numberOfKeys: 4, lua: ADD_NOTIFICATION });
    this.#redis = redis as Redis & { addNotification: AddNotification };
  }

  /** Adds it as unread. Whether this call did, and not another instance before. */
  async add(userId: string, notification: Notification): Promise<boolean> {
    const { seen, order, items, unread } = keysOf(userId);
    const keys = [seen(notification.id), order, items, unread];
    const limits = [INBOX_SIZE, MEMORY, LIFETIME];
    const json = JSON.stringify(notification);
    return (await this.#redis.addNotification(...keys, notification.id, json, ...limits)) === 1;
  }

  async read(userId: string): Promise<InboxContent> {
    const { order, items, unread } = keysOf(userId);
    const [ids, stored, unreadIds] = await inOneStep<[string[], Record<string, string>, string[]]>(
      this.#redis,
      (step) => step.lrange(order, 0, -1).hgetall(items).smembers(unread),
    );
    const isUnread = new Set(unreadIds);
    const notifications = ids
      .flatMap((id) => stored[id] ?? [])
      .map((json) => JSON.parse(json) as Notification)
      // Stored apart, so that marking as read rewrites no notification.
      .map((notification) => ({ ...notification, read: !isUnread.has(notification.id) }));
    return { notifications, unread: unreadIds.length };
  }

  unreadCount(userId: string): Promise<number> {
    return this.#redis.scard(keysOf(userId).unread);
  }

  /** `changed` is false if it was read before; `exists` is false if it is not in the inbox. */
  async markRead(
    userId: string,
    id: string,
  ): Promise<{ exists: boolean; changed: boolean; unread: number }> {
    const { items, unread } = keysOf(userId);
    const [exists, changed, count] = await inOneStep<[number, number, number]>(
      this.#redis,
      (step) => step.hexists(items, id).srem(unread, id).scard(unread),
    );
    return { exists: exists === 1, changed: changed === 1, unread: count };
  }

  /** Resolves to the ids that were unread. */
  async markAllRead(userId: string): Promise<string[]> {
    const { unread } = keysOf(userId);
    const [ids] = await inOneStep<[string[]]>(this.#redis, (step) =>
      step.smembers(unread).del(unread),
    );
    return ids;
  }
}

/** The braces keep the keys of one user on one node of a Cluster. */
function keysOf(userId: string) {
  const inbox = `${PREFIX}inbox:{${userId}}`;
  return {
    order: `${inbox}:order`,
    items: `${inbox}:items`,
    unread: `${inbox}:unread`,
    seen: (id: string) => `${inbox}:seen:${id}`,
  };
}
