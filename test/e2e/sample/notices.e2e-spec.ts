import { describe, expect, it } from 'vitest';
import { NOTIFICATION_TYPES } from '../../../sample/notifications/contract/notification.js';
import { useSample } from './use-sample.js';

const text = { title: 'Your invoice', message: 'It is due on Friday.' };

describe('a notice of the sample from an administrator', () => {
  const sample = useSample();

  it.each(NOTIFICATION_TYPES)(
    'of the type %s reaches its user alone, with any data',
    async (type) => {
      const [ann, bob] = [sample.first.user(), sample.first.user()];
      const streams = [await ann.openStream(), await ann.at(sample.second).openStream()];
      const other = await bob.openStream();
      const dave = sample.second.administrator();
      const data = { invoice: { id: 7, lines: [1, 2.5, null, 'x'] }, 'a.b': true, id: 'mine' };

      expect(await dave.notify(ann, { ...text, type, data })).toEqual({
        status: 202,
        body: { receivers: 1 },
      });
      for (const stream of streams) {
        await stream.has('notification');
        expect(stream.notifications).toEqual([
          {
            id: expect.stringMatching(/^[\da-f-]{36}$/) as string,
            userId: ann.id,
            type,
            ...text,
            timestamp: expect.stringMatching(/Z$/) as string,
            read: false,
            data: { ...data, actorId: dave.id },
          },
        ]);
      }
      expect((await ann.inbox()).notifications).toEqual(streams[0]?.notifications);
      await dave.message(bob, 'last');
      await other.has('notification');
      expect(other.notifications).toEqual([expect.objectContaining({ message: 'last' })]);
    },
  );

  it('is of the type info, without a type', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    const dave = sample.second.administrator();
    await dave.notify(ann, text);
    await stream.has('notification');
    expect(stream.notifications).toMatchObject([{ type: 'info', data: { actorId: dave.id } }]);
  });

  it('cannot name another sender, in its data or beside it', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    const dave = sample.second.administrator();
    const forged = { ...text, actorId: 'alice', userId: 'bob', data: { actorId: 'alice' } };
    await dave.notify(ann, forged);
    await stream.has('notification');
    expect(stream.notifications).toMatchObject([{ userId: ann.id, data: { actorId: dave.id } }]);
  });

  it('is stored for a user who is offline', async () => {
    const ann = sample.first.user();
    await sample.second.administrator().notify(ann, text);
    const stream = ann.stream();
    await stream.until(() => stream.of('ready').length > 0);
    await expect.poll(async () => (await ann.inbox()).notifications).toMatchObject([text]);
  });

  it('to all users has data, too', async () => {
    const stream = await sample.first.user().openStream();
    const dave = sample.second.administrator();
    await dave.broadcast({ ...text, data: { until: 11 } });
    await stream.has('notification');
    expect(stream.notifications).toMatchObject([
      { ...text, data: { until: 11, actorId: dave.id } },
    ]);
  });

  it.each([
    [{}, 'title must be'],
    [{ title: 'x' }, 'message must be'],
    [{ ...text, title: '' }, 'title must be longer'],
    [{ ...text, type: 'user_followed' }, 'type must be one of'],
    [{ ...text, data: 'text' }, 'data must be an object'],
    [{ ...text, data: null }, 'data must be an object'],
    [{ ...text, data: { long: 'x'.repeat(2_000) } }, 'data must have at most 2000 characters'],
  ])('is refused with 400 for %j', async (content, reason) => {
    const answer = await sample.first.administrator().notify({ id: 'alice' }, content);
    expect(answer).toMatchObject({ status: 400 });
    expect(JSON.stringify(answer.body)).toContain(reason);
  });

  it('is refused with 404 for a user that does not exist', async () => {
    const answer = await sample.first.administrator().notify({ id: 'mallory' }, text);
    expect(answer).toMatchObject({ status: 404 });
  });
});
