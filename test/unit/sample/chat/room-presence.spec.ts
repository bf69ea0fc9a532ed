import { describe, expect, it } from 'vitest';
import {
  RoomPresence,
  type PresenceChange,
  type PresenceSteps,
} from '../../../../sample/chat/presence/room-presence.js';

/** A Redis that has the entries of this node and of others, and counts what is asked of it. */
class FakeRedis implements PresenceSteps {
  readonly own = new Set<string>();
  readonly others = new Set<string>();
  readonly changes: PresenceChange[] = [];
  renewals = 0;
  announcements = 0;
  isAway = false;

  async renew(own: Iterable<string>): Promise<ReadonlySet<string>> {
    this.renewals += 1;
    await this.#answer();
    for (const userId of own) this.own.add(userId);
    return new Set([...this.own, ...this.others]);
  }

  async remove(users: readonly string[]): Promise<void> {
    await this.#answer();
    for (const userId of users) this.own.delete(userId);
  }

  async announce(): Promise<void> {
    await this.#answer();
    this.announcements += 1;
  }

  onChange(change: PresenceChange): void {
    this.changes.push(change);
  }

  async #answer(): Promise<void> {
    await Promise.resolve();
    if (this.isAway) throw new Error('away');
  }
}

function create(): { redis: FakeRedis; room: RoomPresence } {
  const redis = new FakeRedis();
  return { redis, room: new RoomPresence(redis) };
}

describe('the presence in a room', () => {
  it('counts two sockets of a user as one person', async () => {
    const { redis, room } = create();
    room.add('alice');
    room.add('alice');
    await room.refresh();
    room.remove('alice');
    await room.refresh();
    expect([...room.present]).toEqual(['alice']);
    room.remove('alice');
    await room.refresh();
    expect(redis.changes).toEqual([
      { joined: ['alice'], left: [] },
      { joined: [], left: ['alice'] },
    ]);
    expect(redis.announcements).toBe(2);
  });

  it('shares runs: a thousand users who come at once cost two', async () => {
    const { redis, room } = create();
    const runs = Array.from({ length: 1_000 }, (_, i) => {
      room.add(`user-${i}`);
      return room.refresh();
    });
    await Promise.all(runs);
    expect(room.present.size).toBe(1_000);
    expect(redis.renewals).toBe(2);
    expect(redis.announcements).toBe(2);
  });

  it('reports the users of a node that renews no more', async () => {
    const { redis, room } = create();
    redis.others.add('bob');
    room.add('alice');
    await room.refresh();
    redis.others.clear();
    await room.refresh();
    expect(redis.changes.at(-1)).toEqual({ joined: [], left: ['bob'] });
    // What it reads from Redis every node reads by itself.
    expect(redis.announcements).toBe(1);
  });

  it('writes later what it could not write while Redis was away', async () => {
    const { redis, room } = create();
    room.add('alice');
    await room.refresh();
    redis.isAway = true;
    room.remove('alice');
    await expect(room.refresh()).rejects.toThrow('away');
    expect(room.hasToWrite).toBe(true);
    redis.isAway = false;
    await room.refresh();
    expect([...redis.own]).toEqual([]);
    expect(redis.announcements).toBe(2);
    expect(room.hasToWrite).toBe(false);
  });

  it('keeps a user who leaves and comes back during a run', async () => {
    const { redis, room } = create();
    room.add('alice');
    await room.refresh();
    room.remove('alice');
    const running = room.refresh();
    room.add('alice');
    await Promise.all([running, room.refresh()]);
    expect([...redis.own]).toEqual(['alice']);
    expect([...room.present]).toEqual(['alice']);
  });
});
