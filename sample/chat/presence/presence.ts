import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { Subject } from 'rxjs';
import { liveChannel, PREFIX } from '../node/channels.js';
import { readSettings } from '../node/settings.js';
import { RENEW_PRESENCE } from './renew-presence.js';
import { RoomPresence, type PresenceChange } from './room-presence.js';

/** The event on a live channel after which each node reads who is present. */
export interface PresenceEvent {
  readonly type: 'presence';
  /** The node that sends it, and has read it already. */
  readonly node: string;
}

/** A node renews its entries three times before they expire. */
const RENEWALS = 3;

type RenewPresence = (...keysAndArguments: (string | number)[]) => Promise<string[]>;

/**
 * Who has each room open. Each node keeps its own users in a sorted set of the room, by the time at which the
 * entries expire, and renews them. A node that dies renews nothing, and its users are gone after
 * `PRESENCE_TTL_MS` and one more interval of renewal.
 */
@Injectable()
export class Presence implements OnModuleDestroy {
  /** Emits what changes in each room that is open here. */
  readonly changes = new Subject<PresenceChange & { readonly room: string }>();
  /** New with each start: the entries of a process that died are not renewed by the one that follows it. */
  readonly #node = randomUUID();
  readonly #ttlMs = readSettings().presenceTtlMs;
  readonly #rooms = new Map<string, RoomPresence>();
  readonly #redis: Redis & { renewPresence: RenewPresence };
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor(
    redis: Redis,
    private readonly pubsub: RedisPubSubService,
  ) {
    redis.defineCommand('renewPresence', { numberOfKeys: 1, lua: RENEW_PRESENCE });
    this.#redis = redis as Redis & { renewPresence: RenewPresence };
    this.#timer = setInterval(() => this.#renewAll(), this.#ttlMs / RENEWALS);
  }

  /** Counts a socket of a user in a room; `remove` must follow. Call {@link refresh} next. */
  add(room: string, userId: string): void {
    this.#of(room).add(userId);
  }

  /** Removes a socket of a user from a room. */
  remove(room: string, userId: string): void {
    if (this.#isClosed) return;
    this.#of(room).remove(userId);
    this.#refreshLater(room);
  }

  /** Writes what changed here and reads who is present; rejects while Redis is away. */
  refresh(room: string): Promise<void> {
    return this.#of(room).refresh();
  }

  /** The users that are present in a room that is open here. */
  presentIn(room: string): readonly string[] {
    return [...(this.#rooms.get(room)?.present ?? [])];
  }

  /** Another node has announced a change. */
  onEvent(room: string, { node }: PresenceEvent): void {
    if (node !== this.#node && this.#rooms.has(room)) this.#refreshLater(room);
  }

  /** Announcements may be lost, and the entries of this node may have expired. */
  onGap(room: string): void {
    this.#rooms.get(room)?.markChanged();
    if (this.#rooms.has(room)) this.#refreshLater(room);
  }

  /** A node that stops takes its users with it at once. */
  async onModuleDestroy(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    const open = [...this.#rooms.keys()];
    await Promise.all(open.map((room) => this.#empty(room))).catch(() => undefined);
    this.changes.complete();
  }

  async #empty(room: string): Promise<void> {
    const own = `${this.#node} `;
    const entries = await this.#redis.zrange(keyOf(room), '0', '-1');
    const mine = entries.filter((entry) => entry.startsWith(own));
    if (mine.length === 0) return;
    await this.#redis.zrem(keyOf(room), mine);
    await this.#announce(room);
  }

  #of(room: string): RoomPresence {
    const known = this.#rooms.get(room);
    if (known) return known;
    const created = new RoomPresence({
      renew: (own) => this.#renew(room, own),
      remove: async (users) => {
        await this.#redis.zrem(
          keyOf(room),
          users.map((userId) => this.#entryOf(userId)),
        );
      },
      announce: () => this.#announce(room),
      onChange: (change) => this.changes.next({ ...change, room }),
    });
    this.#rooms.set(room, created);
    return created;
  }

  async #renew(room: string, own: Iterable<string>): Promise<ReadonlySet<string>> {
    const mine = Array.from(own, (userId) => this.#entryOf(userId));
    const entries = await this.#redis.renewPresence(keyOf(room), this.#ttlMs, ...mine);
    return new Set(entries.map((entry) => entry.slice(entry.indexOf(' ') + 1)));
  }

  async #announce(room: string): Promise<void> {
    const event: PresenceEvent = { type: 'presence', node: this.#node };
    await this.pubsub.publish(liveChannel(room), event);
  }

  #renewAll(): void {
    for (const room of this.#rooms.keys()) this.#refreshLater(room);
  }

  /** A refresh that fails is repeated with the next interval. */
  #refreshLater(room: string): void {
    void this.refresh(room)
      .catch(() => undefined)
      .then(() => this.#removeIfEmpty(room));
  }

  #removeIfEmpty(room: string): void {
    const presence = this.#rooms.get(room);
    if (presence && !presence.isHere && !presence.hasToWrite) this.#rooms.delete(room);
  }

  #entryOf(userId: string): string {
    return `${this.#node} ${userId}`;
  }
}

const keyOf = (room: string): string => `${PREFIX}room:{${room}}:present`;

export function isPresenceEvent(value: unknown): value is PresenceEvent {
  const { type, node } = (value ?? {}) as Partial<PresenceEvent>;
  return type === 'presence' && typeof node === 'string';
}
