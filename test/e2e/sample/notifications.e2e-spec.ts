import { describe, expect, it } from 'vitest';
import type { Notification } from '../../../sample/notifications/contract/notification.js';
import type { EventStream } from './event-stream.js';
import { newUserId, type Visitor } from './gateway.js';
import { useSample } from './use-sample.js';

const ID = expect.stringMatching(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/) as string;
const TIMESTAMP = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;

/** Expects `count` notifications from `actor` for `user`, on the stream and in the inbox. */
async function received(
  count: number,
  { user, stream, actor }: { user: Visitor; stream: EventStream; actor: Visitor },
): Promise<Notification[]> {
  const isOfActor = ({ data }: Notification): boolean =>
    (data as { actorId?: string }).actorId === actor.id;
  const ofActor = () => stream.notifications.filter(isOfActor);
  await stream.until(() => ofActor().length >= count);
  // Earlier notifications arrive before this one.
  await actor.message(user, 'last');
  await stream.until(() => ofActor().at(-1)?.message === 'last');
  const { notifications } = await user.inbox();
  const onStream = ofActor();
  expect(onStream).toHaveLength(count + 1);
  expect(notifications.filter(isOfActor).toReversed()).toEqual(onStream);
  return onStream.slice(0, -1);
}

const postOf = async (user: Visitor) => (await user.posts()).body.find(({ id }) => id === 'p1');

describe('the notifications of the sample', () => {
  const sample = useSample();

  it('a new follower causes one notification in the inbox and on the stream', async () => {
    const ann = sample.first.user();
    const bob = await sample.second.signIn('bob');
    const stream = await ann.openStream();

    expect(await bob.follow(ann)).toEqual({ status: 200, body: { isFollowing: true } });
    expect(await received(1, { user: ann, stream, actor: bob })).toEqual([
      {
        id: ID,
        userId: ann.id,
        type: 'success',
        title: 'Bob follows you',
        message: '',
        timestamp: TIMESTAMP,
        read: false,
        data: { actorId: 'bob' },
      },
    ]);
    expect((await bob.following()).body).toContain(ann.id);
  });

  it('a second follow causes no notification; one after an unfollow does', async () => {
    const [ann, bob] = [sample.first.user(), sample.second.user()];
    const stream = await ann.openStream();
    for (let i = 0; i < 3; i++) await bob.follow(ann);
    await received(1, { user: ann, stream, actor: bob });

    expect(await bob.unfollow(ann)).toEqual({ status: 200, body: { isFollowing: false } });
    expect(await bob.following()).toEqual({ status: 200, body: [] });
    await bob.follow(ann);
    await stream.until(() => stream.titles.filter((it) => it.endsWith('follows you')).length === 2);
  });

  it('a like causes one notification for the author, and every user sees the count', async () => {
    const alice = await sample.first.signIn('alice');
    const fan = sample.second.user();
    const stream = await alice.openStream();

    expect(await fan.like('p1')).toEqual({ status: 200, body: { likes: 1, isLiked: true } });
    expect(await received(1, { user: alice, stream, actor: fan })).toEqual([
      {
        id: ID,
        userId: 'alice',
        type: 'success',
        title: `${fan.id} liked your post`,
        message: '',
        timestamp: TIMESTAMP,
        read: false,
        data: { actorId: fan.id, postId: 'p1' },
      },
    ]);
    expect(await postOf(fan)).toMatchObject({ authorId: 'alice', likes: 1, isLiked: true });
    expect(await postOf(alice)).toMatchObject({ authorId: 'alice', likes: 1, isLiked: false });
    expect(await fan.unlike('p1')).toEqual({ status: 200, body: { likes: 0, isLiked: false } });
    expect(await postOf(fan)).toMatchObject({ likes: 0, isLiked: false });
  });

  it('several likes of one user cause one notification', async () => {
    const carol = sample.first.user('carol');
    const fan = sample.second.user();
    const stream = await carol.openStream();
    const answers = await Promise.all(Array.from({ length: 10 }, () => fan.like('p3')));
    for (const { body } of answers) expect(body).toEqual({ likes: 1, isLiked: true });
    await received(1, { user: carol, stream, actor: fan });
  });

  it('a user cannot follow themselves', async () => {
    const ann = sample.first.user();
    expect(await ann.follow(ann)).toMatchObject({
      status: 400,
      body: { message: 'You cannot follow yourself' },
    });
  });

  it('a user receives no notification of likes and comments on their own posts', async () => {
    const dave = sample.first.user('dave');
    const stream = await dave.openStream();
    expect(await dave.like('p4')).toMatchObject({ status: 200, body: { isLiked: true } });
    expect(await dave.comment('p4', 'Look at this')).toMatchObject({ status: 201 });
    await received(0, { user: dave, stream, actor: dave });
  });

  it('a comment causes one notification for the author, and is listed below the post', async () => {
    const bob = sample.first.user('bob');
    const reader = sample.second.user();
    const stream = await bob.openStream();

    const text = 'Ünïcödé 🦄 </script>\n"quoted" \\ and two\r\nlines';
    const comment = { authorId: reader.id, text, timestamp: TIMESTAMP };
    expect(await reader.comment('p2', text)).toEqual({ status: 201, body: comment });
    expect(await received(1, { user: bob, stream, actor: reader })).toEqual([
      {
        id: ID,
        userId: 'bob',
        type: 'info',
        title: `${reader.id} commented on your post`,
        message: text,
        timestamp: TIMESTAMP,
        read: false,
        data: { actorId: reader.id, postId: 'p2', text },
      },
    ]);
    const { body } = await bob.posts();
    expect(body.find(({ id }) => id === 'p2')?.comments).toEqual([comment]);
  });

  it('a message causes one notification in the inbox and on the stream', async () => {
    const ann = sample.first.user();
    const bob = sample.second.user();
    const stream = await ann.openStream();

    expect(await bob.message(ann, 'Lunch?')).toEqual({ status: 202, body: { receivers: 1 } });
    expect(await received(1, { user: ann, stream, actor: bob })).toEqual([
      {
        id: ID,
        userId: ann.id,
        type: 'info',
        title: `${bob.id} sent you a message`,
        message: 'Lunch?',
        timestamp: TIMESTAMP,
        read: false,
        data: { actorId: bob.id, text: 'Lunch?' },
      },
    ]);
  });

  it('a message reaches its recipient, and no user with a similar id', async () => {
    const id = newUserId();
    const users = [id, `${id}-2`, id.slice(0, -1)].map((it) => sample.first.user(it));
    const streams = await Promise.all(users.map((user) => user.openStream()));
    const sender = sample.second.user();
    await Promise.all(users.map((user) => sender.message(user, `For ${user.id}`)));
    for (const [i, stream] of streams.entries()) {
      expect(await received(1, { user: users[i] as Visitor, stream, actor: sender })).toEqual([
        expect.objectContaining({ message: `For ${users[i]?.id}` }),
      ]);
    }
  });

  it('a user can send themselves a message', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    await ann.message(ann, 'Hello');
    await stream.has('notification');
    expect(stream.titles).toEqual(['You sent yourself a message']);
  });

  it('a change of a post reaches every user at once, and notifies only its author', async () => {
    const reader = sample.first.user();
    const streams = [await sample.second.user().openStream(), await reader.openStream()];
    const steps = [
      () => reader.like('p2'),
      () => reader.unlike('p2'),
      () => reader.comment('p2', 'Well done'),
    ];
    for (const [i, step] of steps.entries()) {
      await step();
      for (const stream of streams) {
        await stream.has('post', i + 1);
        expect(stream.of('post').at(-1)).toMatchObject({ postId: 'p2' });
      }
    }
    // No change, no event.
    await reader.unlike('p2');
    await reader.comment('p3', 'Last');
    for (const stream of streams) {
      await stream.has('post', 4);
      expect(stream.of('post').at(-1)).toMatchObject({ postId: 'p3' });
      expect(stream.notifications).toEqual([]);
    }
  });

  it('posts are listed newest first, with their likes and comments', async () => {
    const { status, body } = await sample.first.user().posts();
    expect(status).toBe(200);
    expect(body.map(({ id }) => id)).toEqual(['p4', 'p3', 'p2', 'p1']);
    for (const post of body) {
      expect(post).toEqual({
        id: expect.any(String),
        authorId: expect.any(String),
        text: expect.any(String),
        likes: expect.any(Number),
        isLiked: false,
        comments: expect.any(Array),
      });
    }
  });
});
