import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/redis.js';
import { useSample } from './use-sample.js';

const MALLORY = { id: 'mallory' };
const NOT_FOUND = {
  status: 404,
  body: { statusCode: 404, error: 'Not Found', message: 'There is no user "mallory"' },
};

describe('a user that does not exist in the sample', () => {
  const sample = useSample();
  const keys = () => sample.redis.client.keys('sample:*mallory*');

  it('receives no message', async () => {
    expect(await sample.first.user().message(MALLORY, 'Hello?')).toEqual(NOT_FOUND);
  });

  it('has no followers', async () => {
    const ann = sample.first.user();
    expect(await ann.follow(MALLORY)).toEqual(NOT_FOUND);
    expect(await ann.unfollow(MALLORY)).toEqual(NOT_FOUND);
    expect(await ann.following()).toEqual({ status: 200, body: [] });
  });

  it.each([
    ['user.messaged', { userId: MALLORY.id, actorId: 'bob', text: 'Hello?' }, 'userId'],
    ['user.followed', { userId: 'alice', actorId: MALLORY.id }, 'actorId'],
    ['post.liked', { userId: MALLORY.id, actorId: 'bob', postId: 'p1' }, 'userId'],
    ['post.commented', { userId: 'bob', actorId: MALLORY.id, postId: 'p2' }, 'actorId'],
    ['announcement.published', { actorId: MALLORY.id, title: 'Hear', message: 'me' }, 'actorId'],
  ])('is not in an event %s of another client of Redis', async (name, event, property) => {
    const alice = sample.first.user('alice');
    const stream = await alice.openStream();
    const before = (await alice.inbox()).notifications.length;
    const json = JSON.stringify({ id: randomUUID(), ...event });
    await sample.redis.client.publish(`sample:${name}`, json);
    const reason = `${property} must be the id of a user`;
    await eventually(() => sample.process.lines.some((line) => line.includes(reason)));
    await sample.second.user().message(alice, 'after it');
    await stream.has('notification');
    expect(stream.notifications).toEqual([expect.objectContaining({ message: 'after it' })]);
    expect((await alice.inbox()).notifications).toHaveLength(before + 1);
    expect(await keys()).toEqual([]);
  });
});
