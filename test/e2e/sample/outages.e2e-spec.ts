import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import type { EventStream } from './event-stream.js';
import { Gateway, type Visitor } from './gateway.js';
import { REDIS_SERVER, SampleProcess, startService } from './sample-process.js';
import { SESSION_SECRET } from './session-tokens.js';
import { gatewaysOf } from './use-sample.js';

const REDIS_AWAY = {
  status: 503,
  body: { statusCode: 503, message: 'Redis is away. Try again in a moment.' },
};
const ACTIVITY_AWAY = {
  status: 503,
  body: { statusCode: 503, message: 'The activity service is away. Try again in a moment.' },
};

/** The states of the connection to Redis, as a stream reported them. */
const delivery = ({ events }: EventStream): string[] =>
  events.map(({ type }) => type).filter((it) => it === 'ready' || it === 'interrupted');

describe('the sample continues when', () => {
  let sample: SampleProcess;
  let first: Gateway;
  let second: Gateway;

  beforeAll(async () => {
    sample = await new SampleProcess({ SESSION_SECRET }).ready();
    [first, second] = gatewaysOf(sample);
  });
  afterAll(() => sample.stop());

  const kill = async (...words: Parameters<SampleProcess['pidOf']>) =>
    process.kill(await sample.pidOf(...words), 'SIGKILL');

  /** Resolves when `notifications` is subscribed again, and a message to `user` has arrived. */
  async function receivesAgain(user: Visitor, stream: EventStream): Promise<void> {
    const sender = second.user();
    await eventually(async () => {
      const { status, body } = await sender.message(user, 'Do you hear?');
      return status === 202 && body.receivers > 0;
    });
    await stream.until(() => stream.notifications.at(-1)?.message === 'Do you hear?');
  }

  it('a gateway loses Redis: the stream reports it, and then has the missed notifications', async () => {
    const proxy = await startProxy(sample.redisPort);
    const service = await startService('gateway', {
      SESSION_SECRET,
      REDIS_URL: proxy.url,
      INSTANCE: 'far-away',
    });
    const far = new Gateway(await service.url());
    const ann = far.user();
    const stream = await ann.openStream();
    const near = await ann.at(first).openStream();
    // A stream goes on behind the last message that its history has.
    await second.user().message(ann, 'Before the outage');
    for (const it of [near, stream]) await it.has('notification');

    await proxy.stop();
    await stream.has('interrupted');
    expect(await ann.get(`/api/users/${ann.id}/notifications`)).toEqual(REDIS_AWAY);
    await second.user().message(ann, 'During the outage');
    await near.has('notification', 2);
    await proxy.start();
    await stream.has('ready', 2);
    await stream.has('notification', 2);

    expect((await ann.inbox()).notifications).toEqual(near.notifications.toReversed());
    expect(stream.notifications).toEqual(near.notifications);
    expect(stream.of('resync')).toHaveLength(1);
    expect(stream.of('interrupted')).toMatchObject([{ instance: 'far-away' }]);
    expect(delivery(near)).toEqual(['ready']);
    await second.user().message(ann, 'Afterwards');
    await stream.has('notification', 3);
    expect(stream.notifications[2]).toMatchObject({ message: 'Afterwards' });
  });

  it('Redis is killed: requests are answered 503 until it is back with its data', async () => {
    const ann = first.user();
    const bob = second.user();
    const streams = [await ann.openStream(), await ann.at(second).openStream()];
    await bob.follow(ann);
    await bob.like('p1');
    const { body: comment } = await bob.comment('p2', 'Before the outage');
    await Promise.all(streams.map((stream) => stream.has('notification')));
    const before = await ann.inbox();
    expect(before.notifications).toHaveLength(1);

    await kill(REDIS_SERVER);
    await Promise.all(streams.map((stream) => stream.has('interrupted')));
    const id = before.notifications[0]?.id ?? '';
    const own = `/api/users/${ann.id}/notifications`;
    const requests = {
      inbox: ann.get(own),
      unread: ann.unread(),
      markRead: ann.markRead(id),
      markAllRead: ann.markAllRead(),
      message: bob.message(ann, 'Lost'),
      notice: first.administrator().notify(ann, { title: 'Lost', message: 'too' }),
      broadcast: first.administrator().broadcast({ title: 'Lost', message: 'too' }),
      posts: ann.posts(),
      like: ann.like('p2'),
      unlike: ann.unlike('p2'),
      comment: ann.comment('p2', 'Lost'),
      following: ann.following(),
      follow: ann.follow(bob),
      unfollow: bob.unfollow(ann),
    };
    const answers = await Promise.all(
      Object.entries(requests).map(async ([name, answer]) => [name, await answer] as const),
    );
    const late = first.user().stream();
    await late.has('interrupted');
    expect(await (await first.signIn('alice')).get('/api/session')).toMatchObject({ status: 200 });

    await Promise.all([...streams.map((it) => it.has('ready', 2)), late.has('ready')]);
    expect(delivery(late)).toEqual(['interrupted', 'ready']);
    for (const stream of streams) {
      expect(delivery(stream)).toEqual(['ready', 'interrupted', 'ready']);
      // Redis may have lost messages: the page loads its inbox.
      await stream.has('resync', 2);
    }
    expect(await ann.inbox()).toEqual(before);
    await eventually(async () => (await bob.following()).status === 200);
    expect((await bob.following()).body).toEqual([ann.id]);
    const { body: posts } = await bob.posts();
    expect(posts.find((it) => it.id === 'p1')).toMatchObject({ likes: 1, isLiked: true });
    expect(posts.find((it) => it.id === 'p2')?.comments).toEqual([comment]);
    await receivesAgain(ann, streams[0] as EventStream);
    expect(sample.lines).toContain('[start] Redis exited; restarting it in 3 s');
    expect(sample.lines).toContain('[start] Redis is running again');
    for (const instance of ['activity', 'notifications', 'gateway-1', 'gateway-2']) {
      for (const role of ['publisher', 'subscriber']) {
        const linesAbout = (words: string) => () =>
          sample.lines.filter(
            (line) =>
              line.startsWith(`[${instance}]`) &&
              line.includes(`WARN [RedisPubSub] ${words} ${role} connection`),
          ).length;
        await eventually(() => linesAbout('The')() === 1);
        expect(linesAbout('Lost the')()).toBe(1);
      }
    }
    expect(answers).toEqual(answers.map(([name]) => [name, REDIS_AWAY]));
  });

  it('processes are killed: each is started again at its port', async () => {
    const ann = first.user();
    const [here, there] = [await ann.openStream(), await ann.at(second).openStream()];
    expect(await ann.at(second).posts()).toMatchObject({ status: 200 });
    const urls = sample.gatewayUrls;

    await Promise.all([
      kill('activity/main.js'),
      kill('notifications/main.js'),
      kill('gateway/main.js', 'INSTANCE=gateway-1'),
    ]);
    await expect(here.ended).rejects.toThrow('terminated');
    expect(await ann.at(second).posts()).toEqual(ACTIVITY_AWAY);
    expect(await ann.at(second).like('p1')).toEqual(ACTIVITY_AWAY);
    expect(await ann.at(second).unread()).toMatchObject({ status: 200 });
    for (const name of ['activity', 'notifications', 'gateway-1']) {
      const line = `[start] ${name} exited (SIGKILL); restarting it in 2 s`;
      await eventually(() => sample.lines.includes(line));
      await eventually(() => sample.lines.includes(`[start] ${name} is running again`));
    }

    await receivesAgain(ann, there);
    await eventually(async () => (await ann.at(second).posts()).status === 200);
    await eventually(() =>
      ann.unread().then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
    await receivesAgain(ann, await ann.openStream());
    expect(await first.user().follow(ann)).toMatchObject({ status: 200 });
    await there.until(() => there.titles.some((it) => it.endsWith('follows you')));
    expect(sample.gatewayUrls).toEqual(urls);
    expect(delivery(there)).toEqual(['ready']);
  });

  it('Redis hangs: requests are answered 503', async () => {
    const redis = await sample.pidOf(REDIS_SERVER);
    const ann = first.user();
    process.kill(redis, 'SIGSTOP');
    closeAfterTest(async () => process.kill(redis, 'SIGCONT'));
    const answers = await Promise.all([ann.unread(), ann.following()]);
    expect(answers).toEqual([REDIS_AWAY, REDIS_AWAY]);
  });
});
