import { describe, expect, it } from 'vitest';
import type { InboxContent } from '../../../sample/notifications/inbox/inbox.js';
import { eventually } from '../../support/redis.js';
import type { EventStream } from './event-stream.js';
import type { Visitor } from './gateway.js';
import { startService } from './sample-process.js';
import { useSample } from './use-sample.js';

const SIZE = 100;
/** A day, in seconds. */
const DAY = 24 * 60 * 60;

describe('the inbox of the sample', () => {
  const sample = useSample();

  /** Sends `count` messages one after the other, and resolves when all of them have arrived. */
  async function send(count: number, user: Visitor, stream: EventStream): Promise<void> {
    const sender = sample.second.user();
    for (let i = 1; i <= count; i++) await sender.message(user, `${i}`);
    await stream.until(() => stream.notifications.some(({ message }) => message === `${count}`));
    await stream.has('notification', count);
  }

  it('is empty at first', async () => {
    const ann = sample.first.user();
    expect(await ann.inbox()).toEqual({ notifications: [], unread: 0 });
    expect(await ann.unread()).toEqual({ status: 200, body: { unread: 0 } });
    expect(await ann.markAllRead()).toEqual({ status: 200, body: { unread: 0 } });
  });

  it('keeps the last 100, the newest first', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    await send(130, ann, stream);

    const { notifications, unread } = await ann.inbox();
    const newestFirst = Array.from({ length: SIZE }, (_, i) => `${130 - i}`);
    expect(notifications.map(({ message }) => message)).toEqual(newestFirst);
    expect(unread).toBe(SIZE);
    expect(await ann.unread()).toEqual({ status: 200, body: { unread: SIZE } });

    const [dropped] = stream.notifications;
    expect(await ann.markRead(dropped?.id ?? '')).toMatchObject({ status: 404 });
    expect(await ann.unread()).toEqual({ status: 200, body: { unread: SIZE } });
    expect(await ann.markAllRead()).toEqual({ status: 200, body: { unread: 0 } });
    await stream.has('read');
    const ids = notifications.map(({ id }) => id);
    expect(stream.of<{ ids: string[] }>('read')[0]?.ids.toSorted()).toEqual(ids.toSorted());
  });

  it('lists as many of the newest as the limit says, and counts all that are unread', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    await send(5, ann, stream);
    await ann.markRead(stream.notifications[4]?.id ?? '');
    const list = async (limit: string) =>
      (await ann.get<InboxContent>(`/api/users/${ann.id}/notifications?limit=${limit}`)).body;
    const all = await ann.inbox();
    expect(all.notifications.map(({ message, read }) => [message, read])).toEqual([
      ['5', true],
      ['4', false],
      ['3', false],
      ['2', false],
      ['1', false],
    ]);
    for (const limit of [1, 2, 5, 100]) {
      const { notifications, unread } = await list(`${limit}`);
      expect(notifications).toEqual(all.notifications.slice(0, limit));
      expect(unread).toBe(4);
    }
  });

  it.each(['0', '-1', '101', '1.5', 'x', '', '1&limit=2'])(
    'refuses the limit "%s"',
    async (limit) => {
      const ann = sample.first.user();
      expect(await ann.get(`/api/users/${ann.id}/notifications?limit=${limit}`)).toMatchObject({
        status: 400,
        body: {
          message: expect.arrayContaining([expect.stringMatching(/^limit must/)]) as string[],
        },
      });
    },
  );

  it('marks a notification as read, and reports it to every gateway once', async () => {
    const ann = sample.first.user();
    const here = await ann.openStream();
    const there = await ann.at(sample.second).openStream();
    await send(2, ann, here);
    const [id = ''] = here.notifications.map((it) => it.id);

    expect(await ann.markRead(id)).toEqual({ status: 200, body: { unread: 1 } });
    expect(await ann.markRead(id)).toEqual({ status: 200, body: { unread: 1 } });
    expect(await ann.at(sample.second).markAllRead()).toMatchObject({ body: { unread: 0 } });
    expect(await ann.markAllRead()).toMatchObject({ body: { unread: 0 } });
    const other = here.notifications.map((it) => it.id).filter((it) => it !== id);
    for (const stream of [here, there]) {
      await stream.has('read', 2);
      expect(stream.of('read')).toEqual([{ ids: [id] }, { ids: other }]);
    }
    const { notifications, unread } = await ann.at(sample.second).inbox();
    expect(notifications.map(({ read }) => read)).toEqual([true, true]);
    expect(unread).toBe(0);
  });

  it.each(['no-such-id', '*', 'a.b', 'a:b', 'a/b', '__proto__', 'x'.repeat(300)])(
    'has no notification %j',
    async (id) => {
      expect(await sample.first.user().markRead(id)).toEqual({
        status: 404,
        body: expect.objectContaining({ message: 'This notification is not in the inbox' }),
      });
    },
  );

  it('loses no update while both gateways add, read and mark', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    const gateways = [sample.first, sample.second];
    const count = 90;

    const add = async (gateway = sample.first): Promise<void> => {
      const sender = gateway.user();
      for (let i = 0; i < count / 2; i++) await sender.message(ann, `${i}`);
    };
    // Each gateway marks every second notification when it arrives, and sometimes all of them.
    const mark = async (gateway = sample.first): Promise<void> => {
      const me = ann.at(gateway);
      for (let i = 0; i < count; i += 2) {
        await stream.has('notification', i + 1);
        const id = stream.notifications[i]?.id ?? '';
        const answer = await (i % 30 === 0 ? me.markAllRead() : me.markRead(id));
        expect(answer).toEqual({ status: 200, body: { unread: expect.any(Number) } });
      }
    };
    await Promise.all(gateways.flatMap((gateway) => [add(gateway), mark(gateway)]));
    await stream.has('notification', count);

    const { notifications, unread } = await ann.inbox();
    const unreadIds = notifications.filter(({ read }) => !read).map(({ id }) => id);
    const readIds = () => stream.of<{ ids: string[] }>('read').flatMap(({ ids }) => ids);
    await stream.until(() => readIds().length + unreadIds.length >= count);
    expect(unread).toBe(unreadIds.length);
    const allIds = stream.notifications.map(({ id }) => id).toSorted();
    expect(new Set(allIds).size).toBe(count);
    expect(notifications.map(({ id }) => id).toSorted()).toEqual(allIds);
    // Each notification is either unread, or in exactly one `read` event.
    expect([...readIds(), ...unreadIds].toSorted()).toEqual(allIds);
    expect(readIds().length).toBeGreaterThan(0);
  });

  it('is read in one step: the count matches the list during changes', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    const sending = send(60, ann, stream);
    const marking = async (): Promise<void> => {
      while (stream.notifications.length < 60) await ann.markAllRead();
    };
    const reading = async (): Promise<void> => {
      while (stream.notifications.length < 60) {
        const { notifications, unread } = await ann.at(sample.second).inbox();
        expect(notifications.filter(({ read }) => !read)).toHaveLength(unread);
      }
    };
    await Promise.all([sending, marking(), reading()]);
    expect((await ann.inbox()).notifications).toHaveLength(60);
  });

  it('is in keys that expire some time after the last notification', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    const { client } = sample.redis;
    const shortestLife = async (keys: readonly string[]): Promise<number> =>
      Math.min(...(await Promise.all(keys.map((key) => client.ttl(key)))));
    await send(1, ann, stream);
    const keys = await client.keys(`sample:*{${ann.id}}*`);
    const kept = keys.filter((key) => !key.includes(':seen:'));
    expect([keys.length, kept.length]).toEqual([4, 3]);
    expect(await shortestLife(keys)).toBeGreaterThan(0);

    for (const key of kept) await client.expire(key, 60);
    await sample.second.user().message(ann, 'The next');
    await stream.has('notification', 2);
    expect(await shortestLife(kept)).toBeGreaterThan(DAY);
  });

  it('does not list a notification of which only the id is left', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    await send(3, ann, stream);
    const [first, second, third] = stream.notifications;
    await sample.redis.client.hdel(`sample:inbox:{${ann.id}}:items`, second?.id ?? '');
    expect((await ann.inbox()).notifications).toEqual([third, first]);
    expect(await ann.at(sample.second).markRead(second?.id ?? '')).toMatchObject({ status: 404 });
  });

  it('has each notification once, with two instances of notifications that receive every event', async () => {
    const other = await startService('notifications', { ...sample.env, INSTANCE: 'other' });
    const [ann, administrator] = [sample.first.user(), sample.first.administrator()];
    const streams = [await ann.openStream(), await ann.at(sample.second).openStream()];
    const sender = sample.second.user();
    for (let i = 0; i < 40; i++) {
      expect(await sender.message(ann, `${i}`)).toEqual({ status: 202, body: { receivers: 2 } });
    }
    const shout = { title: 'For all', message: 'once' };
    expect(await administrator.broadcast(shout)).toEqual({ status: 202, body: { receivers: 2 } });
    const receivedByOther = () => other.lines.filter((line) => line.startsWith('[other] ← '));
    await eventually(() => receivedByOther().length === 41);
    // A stopped instance has published everything, duplicates included.
    await other.stop();
    await sender.message(ann, 'last');

    const expected = [...Array.from({ length: 40 }, (_, i) => `${i}`), 'last'];
    for (const stream of streams) {
      await stream.until(() => stream.notifications.some(({ message }) => message === 'last'));
      await stream.until(() => stream.titles.includes('For all'));
      const messages = stream.notifications.map(({ message }) => message);
      expect(messages.toSorted()).toEqual([...expected, 'once'].toSorted());
    }
    const { notifications, unread } = await ann.inbox();
    const stored = notifications.map(({ message }) => message).toSorted();
    expect(stored).toEqual(expected.toSorted());
    expect(unread).toBe(41);
  });
});
