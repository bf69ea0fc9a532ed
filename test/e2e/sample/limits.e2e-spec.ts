import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/redis.js';
import { useSample } from './use-sample.js';

const TOO_FAST = {
  status: 429,
  body: {
    statusCode: 429,
    message: expect.stringMatching(/^That was too fast. Try again in \d+ s/),
  },
};

describe('a user of the sample', () => {
  const sample = useSample({ CHANGE_LIMIT: '4', STREAM_LIMIT: '2' });

  it('sends no more messages than the limit, and other users still send', async () => {
    const [ann, bob] = [sample.first.user(), sample.first.user()];
    for (let i = 0; i < 4; i++) expect(await ann.message(bob, 'Hi')).toMatchObject({ status: 202 });
    expect(await ann.message(bob, 'Hi')).toEqual(TOO_FAST);
    expect(await bob.message(ann, 'Hi')).toMatchObject({ status: 202 });
    expect(await ann.unread()).toMatchObject({ status: 200 });
  });

  it('learns when to try again', async () => {
    const ann = sample.first.user();
    for (let i = 0; i < 4; i++) await ann.message(ann, 'Hi');
    const response = await ann.fetch(`/api/users/${ann.id}/messages`, { method: 'POST' });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('has one limit for the changes of each service, of all kinds', async () => {
    const dave = sample.first.administrator();
    for (let i = 0; i < 4; i++) await dave.markAllRead();
    for (const answer of [
      dave.broadcast({ title: 'Hear', message: 'me' }),
      dave.notify(dave, { title: 'Hear', message: 'me' }),
      dave.message(dave, 'Hi'),
      dave.markAllRead(),
      dave.markRead('some-id'),
    ]) {
      expect(await answer).toEqual(TOO_FAST);
    }
    const ann = sample.second.user();
    for (let i = 0; i < 4; i++) expect(await ann.like('p1')).toMatchObject({ status: 200 });
    for (const answer of [
      ann.like('p1'),
      ann.unlike('p1'),
      ann.comment('p1', 'Hi'),
      ann.follow(dave),
      ann.unfollow(dave),
    ]) {
      expect(await answer).toEqual(TOO_FAST);
    }
    expect(await ann.posts()).toMatchObject({ status: 200 });
  });

  it('signs in no more often than the limit', async () => {
    const visitor = sample.first.visitor();
    const signIn = async () => (await visitor.post('/api/session', { userId: 'alice' })).status;
    const answers = [
      await signIn(),
      await signIn(),
      await signIn(),
      await signIn(),
      await signIn(),
    ];
    expect(answers).toEqual([200, 200, 200, 200, 429]);
    expect(await visitor.get('/api/session')).toMatchObject({ status: 200 });
  });

  it('has no more streams open than the limit, until one is closed', async () => {
    const ann = sample.first.user();
    const streams = [await ann.openStream(), await ann.openStream()];
    const next = ann.stream();
    expect((await next.opened).status).toBe(429);
    await sample.first.user().openStream();
    await ann.at(sample.second).openStream();
    await streams[0]?.close();
    await eventually(async () => {
      const stream = ann.createStream();
      const { status } = await stream.opened;
      await stream.close();
      return status === 200;
    });
  });
});
