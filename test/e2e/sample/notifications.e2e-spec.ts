import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { EventStream } from './event-stream.js';
import { SampleProcess } from './sample-process.js';

const BROADCAST = 'sample:notifications.broadcast';
const channelOf = (user: string) => `sample:notifications.user.${user}`;

describe('the notification sample', () => {
  const redis = useRedis();
  let sample: SampleProcess;
  let openStreams = 0;

  beforeAll(async () => {
    sample = await new SampleProcess({ REDIS_URL: redis.url }).ready();
  });
  afterAll(() => sample.stop());

  /** A stream that Redis delivers to. */
  async function openStream(user: string): Promise<EventStream> {
    const stream = new EventStream(`${sample.url}/users/${user}/notifications/stream`);
    openStreams++;
    closeAfterTest(async () => {
      stream.close();
      await stream.ended;
      if (--openStreams > 0) return;
      await redis.subscribers(channelOf(user), 0);
      await redis.subscribers(BROADCAST, 0);
    });
    await stream.opened;
    await redis.subscribers(channelOf(user), 1);
    await redis.subscribers(BROADCAST, 1);
    return stream;
  }

  async function post(path: string, body: object): Promise<{ status: number; body: unknown }> {
    const response = await fetch(sample.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  const followLena = () => post('/users/lena/follow', { followerId: 'max' });

  it('turns a follow into a notification on the stream of the one who is followed, and no other', async () => {
    const ann = await openStream('ann');
    const bob = await openStream('bob');

    expect(await post('/users/ann/follow', { followerId: 'bob' })).toEqual({
      status: 202,
      body: { receivers: 1 },
    });
    await eventually(() => ann.notifications.length === 1);
    await post('/users/bob/mention', { authorId: 'ann', text: 'hi' });
    await eventually(() => bob.notifications.length === 1);

    expect(bob.notifications[0]).toMatchObject({ userId: 'bob', message: 'ann wrote: hi' });
    expect(ann.notifications).toEqual([
      {
        id: expect.stringMatching(/^[\da-f-]{36}$/),
        userId: 'ann',
        type: 'info',
        title: 'New follower',
        message: 'bob follows you',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        read: false,
        data: { userId: 'ann', actorId: 'bob' },
      },
    ]);
  });

  it('welcomes who registers', async () => {
    const stream = await openStream('carl');
    expect(await post('/users', { id: 'carl' })).toMatchObject({ status: 202 });
    await eventually(() => stream.notifications.length === 1);
    expect(stream.notifications[0]).toMatchObject({ type: 'success', title: 'Welcome' });
  });

  it('shows an announcement on every stream', async () => {
    const streams = [await openStream('dora'), await openStream('emil')];
    const announcement = { title: 'Maintenance', message: 'In one hour', type: 'warning' };
    expect(await post('/announcements', announcement)).toEqual({
      status: 202,
      body: { receivers: 1 },
    });
    for (const stream of streams) {
      await eventually(() => stream.notifications.length === 1);
      expect(stream.notifications[0]).toMatchObject({ userId: null, ...announcement });
    }
  });

  it('has one subscription in Redis for two streams of one user', async () => {
    const streams = [await openStream('finn'), await openStream('finn')];
    await post('/users/finn/follow', { followerId: 'gina' });
    for (const stream of streams) await eventually(() => stream.notifications.length === 1);
    expect(await redis.client.publish(channelOf('finn'), '{"title":"From outside"}')).toBe(1);
    for (const stream of streams) {
      await eventually(() => stream.notifications.length === 2);
      expect(stream.titles).toEqual(['New follower', 'From outside']);
    }
  });

  it.each([
    ['/users/ann/follow', {}, 'followerId must be'],
    ['/users/ann/follow', { followerId: '*' }, 'followerId must be 1 to 64 letters'],
    ['/users/a.b/follow', { followerId: 'bob' }, 'id must be 1 to 64 letters'],
    ['/users/ann/mention', { authorId: 'bob', text: '' }, 'text must be longer'],
    ['/users', { id: 42 }, 'id must be 1 to 64 letters'],
    ['/announcements', { title: 'x', message: 'y', type: 'loud' }, 'type must be one of'],
  ])('answers 400 with the reason to %s %j', async (path, body, reason) => {
    expect(await post(path, body)).toEqual({
      status: 400,
      body: expect.objectContaining({ message: [expect.stringContaining(reason)] }),
    });
  });

  it('answers 400 to a stream of a user whose id would reach other channels', async () => {
    const response = await fetch(`${sample.url}/users/a.b/notifications/stream`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('id must be 1 to 64 letters');
  });

  it.each([
    ['{"userId":"not.one"}', 'userId must be 1 to 64 letters'],
    ['{"userId":"hugo","text":7}', 'text must be'],
    ['[{"userId":"hugo"}]', 'userId must be'],
    ['no JSON', 'userId must be'],
  ])(
    'logs the invalid event %s with the reason, and handles the next one',
    async (event, reason) => {
      const stream = await openStream('hugo');
      const before = sample.lines.length;
      await redis.client.publish('sample:user.followed', event);
      await redis.client.publish('sample:user.followed', '{"userId":"hugo"}');
      await eventually(() => stream.notifications.length === 1);
      expect(stream.notifications[0]).toMatchObject({ message: 'Somebody follows you' });
      const errors = () =>
        sample.lines.slice(before - 1).filter((line) => line.includes('InvalidEvent'));
      await eventually(() => errors().length > 0);
      expect(errors()).toEqual([expect.stringMatching(/^\[notifications\] .*WARN/)]);
      expect(errors()[0]).toContain(`[InvalidEvent] user.followed: ${reason}`);
    },
  );

  it('passes over user events that are worth no notification', async () => {
    const stream = await openStream('ida');
    await redis.client.publish('sample:user.renamed', '{"userId":"ida"}');
    await redis.client.publish('sample:user.followed', '{"userId":"ida"}');
    await eventually(() => stream.notifications.length > 0);
    expect(stream.titles).toEqual(['New follower']);
  });

  it('shows events and notifications to PSUBSCRIBE, and each as a line of its own', async () => {
    const observer = redis.client.duplicate();
    closeAfterTest(async () => observer.disconnect());
    const seen = new Map<string, unknown>();
    observer.on('pmessage', (_pattern, channel, payload) => seen.set(channel, JSON.parse(payload)));
    await observer.psubscribe('sample:*');

    await post('/users/jane/follow', { followerId: 'karl' });
    await eventually(() => seen.size === 2);
    expect(seen.get('sample:user.followed')).toMatchObject({
      data: { userId: 'jane', actorId: 'karl' },
    });
    expect(seen.get(channelOf('jane'))).toMatchObject({
      data: { userId: 'jane', title: 'New follower' },
    });
    const lines = [
      '[api] → sample:user.followed (2 delivered)',
      '[notifications] ← sample:user.followed',
      `[notifications] → ${channelOf('jane')} (1 delivered)`,
    ];
    await eventually(() => lines.every((line) => sample.lines.includes(line)));
  });

  it('answers 503 while Redis is away, and goes on by itself when it is back', async () => {
    const stream = await openStream('lena');
    await redis.stop();
    await eventually(async () => (await followLena()).status === 503);
    await redis.start();
    // Delivery is at most once: what is published before every connection is back is lost.
    await eventually(async () => {
      await followLena();
      return stream.notifications.length > 0;
    });
    expect(stream.notifications[0]).toMatchObject({ message: 'max follows you' });
  });
});
