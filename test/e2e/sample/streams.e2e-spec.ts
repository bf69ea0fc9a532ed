import { randomUUID } from 'node:crypto';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/redis.js';
import type { EventStream } from './event-stream.js';
import { Gateway, newUserId, type Visitor } from './gateway.js';
import { startService } from './sample-process.js';
import { expiryOf, signToken } from './session-tokens.js';
import { useSample } from './use-sample.js';

const BROADCAST = 'sample:notifications.broadcast';
const channelOf = ({ id }: { readonly id: string }) => `sample:notifications.user.${id}`;

/** The online users in the last `presence` event of a stream. */
const online = (stream: EventStream): string | undefined =>
  stream.of<{ online: string[] }>('presence').at(-1)?.online.join();

const valid = () => ({ id: randomUUID(), userId: 'alice', actorId: 'bob' });

/** Whether a line of the log shows a message or a subscription. */
const isTrace = (line: string): boolean => line === '' || /^\[[\w-]+\] [→←✗+-] /.test(line);

/** A notification with the fields that a page needs. */
const shown = (title: string): object => ({
  id: randomUUID(),
  type: 'info',
  title,
  message: '',
  timestamp: new Date().toISOString(),
});

describe('a stream of the sample', () => {
  const sample = useSample();
  // The stream of a user without notifications, open during all tests.
  let silent: Visitor;
  let quiet: EventStream;

  beforeAll(async () => {
    silent = sample.first.user();
    quiet = silent.createStream();
    await quiet.has('ready');
  });
  afterAll(() => quiet.close());

  const receivers = (channel: string, payload: object): Promise<number> =>
    sample.redis.client.publish(channel, JSON.stringify(payload));

  describe('is ready', () => {
    it('for its user, with the name of the gateway', async () => {
      const ann = sample.first.user();
      for (const [i, gateway] of [sample.first, sample.second].entries()) {
        const stream = await ann.at(gateway).openStream();
        const { status, headers } = await stream.opened;
        expect(status).toBe(200);
        expect(headers.get('content-type')).toContain('text/event-stream');
        expect(stream.of('ready')).toEqual([
          { instance: `gateway-${i + 1}`, spreadMs: expect.any(Number) as number },
        ]);
      }
    });

    it('when it receives each later message', async () => {
      for (let i = 0; i < 40; i++) {
        // Every second user is the same: the gateway may still unsubscribe from the last stream.
        const ann = sample.second.user(i % 2 ? `user-same-${sample.redis.port}` : newUserId());
        const stream = ann.stream();
        await stream.has('ready');
        expect(await receivers(channelOf(ann), shown('own'))).toBe(1);
        expect(await receivers(BROADCAST, shown('all'))).toBe(2);
        await stream.has('notification', 2);
        expect(stream.titles).toEqual(['own', 'all']);
        expect(stream.of('ready')).toHaveLength(1);
        await stream.close();
      }
    });

    it('also when it is the second one of a user', async () => {
      const ann = sample.second.user();
      const streams = await Promise.all(Array.from({ length: 10 }, () => ann.openStream()));
      expect(await receivers(channelOf(ann), shown('own'))).toBe(1);
      await Promise.all(streams.map((stream) => stream.has('notification')));
    });
  });

  describe('has one subscription in Redis', () => {
    it('per user and gateway, and none after the last stream is closed', async () => {
      const ann = sample.first.user();
      const { redis } = sample;
      await redis.subscribers(channelOf(ann), 0);
      const here = await Promise.all([ann.openStream(), ann.openStream(), ann.openStream()]);
      await redis.subscribers(channelOf(ann), 1);
      const there = await ann.at(sample.second).openStream();
      await redis.subscribers(channelOf(ann), 2);

      await Promise.all(here.slice(1).map((stream) => stream.close()));
      expect(await receivers(channelOf(ann), shown('still here'))).toBe(2);
      await here[0]?.has('notification');
      await here[0]?.close();
      await redis.subscribers(channelOf(ann), 1);
      await there.close();
      await redis.subscribers(channelOf(ann), 0);
    });

    it('but none for a browser that disconnects before the answer', async () => {
      const ann = sample.first.user();
      for (let i = 0; i < 50; i++) {
        const stream = ann.createStream();
        // The browser cancels the request at different points before the answer.
        const requests = Array.from({ length: i % 5 }, () => ann.get('/api/session'));
        await Promise.race([stream.opened, ...requests]);
        await stream.close();
      }
      const last = await ann.openStream();
      expect(await receivers(channelOf(ann), shown('last'))).toBe(1);
      await last.close();
      await sample.redis.subscribers(channelOf(ann), 0);
    });

    it('for the broadcasts, however many users there are', async () => {
      await Promise.all(Array.from({ length: 5 }, () => sample.first.user().openStream()));
      await Promise.all(Array.from({ length: 5 }, () => sample.second.user().openStream()));
      expect(await receivers(BROADCAST, shown('for all'))).toBe(2);
    });

    it('per connected user, and no other', async () => {
      const there = [sample.first.user(), sample.second.user()];
      await Promise.all(there.map((user) => user.openStream()));
      await sample.first.user().message(sample.second.user(), 'Are you there?');
      await sample.first.user().inbox();
      const expected = [...there, silent].map(channelOf).toSorted();
      const channels = async () =>
        (await sample.redis.client.pubsub('CHANNELS', channelOf({ id: '*' }))) as string[];
      // The gateways may still be unsubscribing from streams of earlier tests.
      await eventually(async () => (await channels()).length === expected.length);
      expect((await channels()).toSorted()).toEqual(expected);
      // The one instance of notifications subscribes to the events of users and of posts, and both gateways
      // to those of posts: Redis counts the different patterns.
      expect(await sample.redis.client.pubsub('NUMPAT')).toBe(2);
    });
  });

  describe('shows a broadcast', () => {
    it('to each connected user once, and to no later one', async () => {
      const administrator = sample.first.administrator();
      const users = [sample.first, sample.second].flatMap((it) => [it.user(), it.user()]);
      const streams = await Promise.all(users.map((user) => user.openStream()));
      const text = { title: 'Maintenance', message: 'In one hour', type: 'warning' };
      expect(await administrator.broadcast(text)).toEqual({ status: 202, body: { receivers: 1 } });
      await administrator.broadcast({ title: 'Done', message: 'It took a minute' });

      for (const stream of streams) {
        await stream.until(() => stream.titles.includes('Done'));
        const common = {
          id: expect.stringMatching(/^[\da-f-]{36}$/),
          userId: null,
          timestamp: expect.stringMatching(/Z$/),
          read: false,
          data: { actorId: administrator.id },
        };
        expect(stream.notifications).toEqual([
          { ...common, ...text },
          { ...common, type: 'info', title: 'Done', message: 'It took a minute' },
        ]);
      }
      for (const user of [...users, administrator]) {
        expect(await user.inbox()).toEqual({ notifications: [], unread: 0 });
      }
      const late = users[0] && (await users[0].openStream());
      expect(late?.notifications).toEqual([]);
    });
  });

  it('says who is online, on either gateway', async () => {
    const alice = await sample.first.user('alice').openStream();
    const bob = await sample.second.user('bob').openStream();
    for (const stream of [alice, bob]) {
      await stream.until(() => online(stream) === 'alice,bob');
    }

    const late = await sample.first.user().openStream();
    await late.has('presence');
    expect(online(late)).toBe('alice,bob');
    await alice.close();
    for (const stream of [bob, late]) await stream.until(() => online(stream) === 'bob');
  });

  it('says that a user is offline whose gateway was killed', async () => {
    const gateway = await startService('gateway', { ...sample.env, INSTANCE: 'doomed' });
    const carol = new Gateway(await gateway.url()).user('carol').createStream();
    await carol.has('ready');
    await quiet.until(() => online(quiet) === 'carol');
    gateway.signal('SIGKILL');
    await carol.close();
    await quiet.until(() => online(quiet) === '');
    expect(await sample.redis.client.pubsub('NUMSUB', channelOf({ id: 'carol' }))).toEqual([
      channelOf({ id: 'carol' }),
      0,
    ]);
  });

  it('asks Redis for the users that come and go, and not every second', async () => {
    const { client } = sample.redis;
    const calls = async () => {
      const stats = await client.info('commandstats');
      return Number(/cmdstat_pubsub\|numsub:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    const heartbeats = quiet.of('heartbeat').length;
    await quiet.has('heartbeat', heartbeats + 1);
    const before = await calls();
    await quiet.has('heartbeat', heartbeats + 2);
    // Ten seconds: each gateway asks once for those that are online, and none is.
    expect((await calls()) - before).toBeLessThanOrEqual(2);
    const alice = await sample.first.user('alice').openStream();
    await quiet.until(() => online(quiet) === 'alice');
    await alice.close();
    await quiet.until(() => online(quiet) === '');
  });

  it.each([null, 7, 'alice', {}, { userIds: 'alice' }, { userIds: [7, 'mallory', null] }])(
    'ignores the report %j of another client about who is online',
    async (report) => {
      const count = quiet.of('presence').length;
      await receivers('sample:presence.changed', report as object);
      const alice = await sample.first.user('alice').openStream();
      await quiet.until(() => online(quiet) === 'alice');
      await alice.close();
      await quiet.until(() => online(quiet) === '');
      expect(quiet.of('presence')).toHaveLength(count + 2);
    },
  );

  describe('and other clients of its Redis:', () => {
    it('PSUBSCRIBE sees events and notifications, and each is a line of the log', async () => {
      const observer = sample.redis.client.duplicate();
      const seen = new Map<string, unknown>();
      observer.on('pmessage', (_pattern, channel, json) => seen.set(channel, JSON.parse(json)));
      await observer.psubscribe('sample:*');
      const ann = sample.first.user();
      const stream = await ann.openStream();
      const sender = sample.second.user();
      await sender.follow(ann);
      await sender.like('p1');
      await sender.comment('p2', 'Nice');
      await stream.has('notification');
      await ann.markAllRead();
      const alice = channelOf({ id: 'alice' });
      const channels = [
        'sample:user.followed',
        'sample:post.liked',
        'sample:post.commented',
        alice,
      ];
      await eventually(() => [...channels, channelOf(ann)].every((it) => seen.has(it)));
      observer.disconnect();

      expect(seen.get('sample:user.followed')).toMatchObject({
        pattern: 'user.followed',
        data: { userId: ann.id, actorId: sender.id },
      });
      expect(seen.get('sample:post.commented')).toMatchObject({
        data: { userId: 'bob', actorId: sender.id, postId: 'p2', text: 'Nice' },
      });
      expect(seen.get(alice)).toMatchObject({
        data: { userId: 'alice', title: `${sender.id} liked your post` },
      });
      const lines = [
        '[activity] → sample:user.followed (2 delivered)',
        '[notifications] ← sample:user.followed',
        `[notifications] → ${channelOf(ann)} (2 delivered)`,
        `[gateway-1] + channel ${channelOf(ann)}`,
        `[gateway-1] ← ${channelOf(ann)}`,
      ];
      await eventually(() => lines.every((line) => sample.process.lines.includes(line)));
    });

    it('a message of another client on the channel of a user reaches the user', async () => {
      const alice = await sample.first.user('alice').openStream();
      const bob = await sample.first.user('bob').openStream();
      const notification = shown('From outside');
      expect(await receivers(channelOf({ id: 'alice' }), notification)).toBe(1);
      await alice.has('notification');
      expect(alice.notifications).toEqual([notification]);
      expect(bob.notifications).toEqual([]);
    });

    it.each([
      'no JSON',
      'a\n\nevent: read\ndata: {}',
      '7',
      'null',
      '',
      '[]',
      '{"headers":7}',
      '\xff',
      '{"id":"x","title":"y","message":"z","type":"info"}',
      '{"id":"x","title":"y","message":"z","type":"info","timestamp":"soon"}',
      '{"id":"x","title":"y","message":"z","type":"none","timestamp":"2026-01-01T00:00:00.000Z"}',
    ])('after the invalid message %j, the next notification arrives', async (nonsense) => {
      const ann = sample.first.user();
      const stream = await ann.openStream();
      await sample.redis.client.publish(channelOf(ann), Buffer.from(nonsense, 'latin1'));
      await sample.second.user().message(ann, 'after it');
      await stream.has('notification');
      expect(stream.notifications).toEqual([expect.objectContaining({ message: 'after it' })]);
      expect(stream.of('read')).toEqual([]);
    });
  });

  describe('and an invalid event:', () => {
    it.each([
      ['user.followed', 'id must be a UUID', { ...valid(), id: 'no-uuid' }],
      ['user.followed', 'userId must be 1 to 64 letters', { ...valid(), userId: 'not.one' }],
      ['user.followed', 'actorId must be 1 to 64 letters', { ...valid(), actorId: '*' }],
      ['user.messaged', 'text must be a string', { ...valid(), text: 7 }],
      ['user.messaged', 'text must be shorter', { ...valid(), text: 'x'.repeat(501) }],
      ['user.messaged', 'userId must be', [valid()]],
      ['post.liked', 'postId must be a string', valid()],
      ['post.liked', 'postId must be longer', { ...valid(), postId: '' }],
      ['announcement.published', 'message must be', { id: randomUUID(), title: 'x' }],
      ['announcement.published', 'type must be', { ...valid(), title: 'x', message: 'y', type: 7 }],
    ])(
      '%s: "%s" is one line of the log, and the next one is handled',
      async (name, reason, event) => {
        const ann = sample.first.user();
        const stream = await ann.openStream();
        const before = sample.process.lines.length;
        await sample.redis.client.publish(`sample:${name}`, JSON.stringify(event));
        await sample.second.user().message(ann, 'after it');
        await stream.has('notification');
        expect(stream.notifications[0]).toMatchObject({ message: 'after it' });

        const logged = () =>
          sample.process.lines.slice(before - 1).filter((line) => !isTrace(line));
        await eventually(() => logged().length > 0);
        expect(logged()).toEqual([expect.stringMatching(/^\[notifications\] .*WARN/)]);
        expect(logged()[0]).toContain(`[InvalidEvent] Ignored an invalid event on ${name}: `);
        expect(logged()[0]).toContain(reason);
      },
    );

    it('of one kind is one line of the log, however often it arrives', async () => {
      const ann = sample.first.user();
      const stream = await ann.openStream();
      const invalid = ['text', 7, null, {}, [], { id: 7 }];
      for (let i = 0; i < 50; i++) {
        for (const event of invalid) {
          await sample.redis.client.publish('sample:post.shared', JSON.stringify(event));
        }
      }
      await sample.second.user().message(ann, 'after it');
      await stream.has('notification');
      const logged = () =>
        sample.process.lines.filter((line) => line.includes('invalid event on post.shared'));
      await eventually(() => logged().length > 0);
      expect(logged()).toHaveLength(1);
    });

    it.each([
      'user.renamed',
      'user.',
      'post.shared',
      'post.constructor',
      'post.toString',
      'post.__proto__',
    ])('%s causes no notification, and no line of the log', async (name) => {
      const ann = sample.first.user();
      const stream = await ann.openStream();
      const before = sample.process.lines.length;
      const event = { ...valid(), userId: ann.id, postId: 'p1' };
      await receivers(`sample:${name}`, event);
      await sample.second.user().message(ann, 'after it');
      await stream.until(() => stream.notifications.some(({ message }) => message === 'after it'));
      expect(stream.notifications).toEqual([expect.objectContaining({ message: 'after it' })]);
      expect((await ann.inbox()).notifications).toHaveLength(1);
      const output = sample.process.lines.slice(before - 1).join('\n');
      expect(output).not.toMatch(/ERROR|WARN| {4}at /);
    });
  });

  it('ends when the token of the session expires, and not before', async () => {
    const id = newUserId();
    const token = signToken({ id }, { expiresIn: 5 });
    const ann = sample.first.visitor(token, id);
    const longer = await ann.at(sample.first).openStream();
    const stream = await ann.openStream();
    await stream.ended;
    expect(Date.now()).toBeGreaterThanOrEqual(expiryOf(token));
    expect((await ann.stream().opened).status).toBe(401);

    // Another session of the same user goes on.
    expect(await receivers(channelOf(ann), shown('afterwards'))).toBe(1);
    await longer.has('notification');
    expect(stream.notifications).toEqual([]);
  });

  it('has a heartbeat, so that either end detects a lost connection', async () => {
    await quiet.has('heartbeat');
    expect(quiet.of('heartbeat')[0]).toEqual({});
  });
});
