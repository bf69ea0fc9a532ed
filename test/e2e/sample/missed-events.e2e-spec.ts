import { describe, expect, it } from 'vitest';
import type { EventStream } from './event-stream.js';
import type { Visitor } from './gateway.js';
import { useSample } from './use-sample.js';

const messagesOf = ({ notifications }: EventStream): string[] =>
  notifications.map(({ message }) => message);

const texts = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);

describe('a stream of the sample that goes on at an event', () => {
  const sample = useSample();

  /** Sends texts one after the other, and resolves when all of them are published. */
  async function send(user: Visitor, all: readonly string[]): Promise<void> {
    const witness = user.at(sample.second).createStream();
    await witness.has('ready');
    const sender = sample.second.user();
    for (const text of all) await sender.message(user, text);
    await witness.has('notification', all.length);
    await witness.close();
  }

  /** The id of the event that has the first of `count` notifications. */
  async function idAfterFirst(user: Visitor, count: number): Promise<string> {
    const stream = user.createStream();
    await stream.has('ready');
    await send(user, texts(1, count));
    await stream.has('notification', count);
    await stream.close();
    return stream.events.find(({ type }) => type === 'notification')?.id ?? '';
  }

  it('first has the events that followed it, and no resync, at either gateway', async () => {
    const ann = sample.first.user();
    const id = await idAfterFirst(ann, 4);
    await ann.markAllRead();
    for (const gateway of [sample.first, sample.second]) {
      for (const at of [{ header: id }, { query: id }, { header: id, query: 'older' }]) {
        const stream = ann.at(gateway).stream(at);
        await stream.has('read');
        await stream.has('ready');
        expect(messagesOf(stream)).toEqual(['2', '3', '4']);
        expect(stream.of('resync')).toEqual([]);
      }
    }
  });

  it('goes on with live events, each once', async () => {
    const ann = sample.first.user();
    const stream = ann.stream({ header: await idAfterFirst(ann, 3) });
    await send(ann, texts(4, 30));
    await stream.has('notification', 29);
    expect(messagesOf(stream)).toEqual(texts(2, 30));
  });

  it.each(['', '7', 'x'.repeat(200), 'a b&c=%', '../../'])(
    'has a resync for the id %j, which is no position',
    async (id) => {
      const ann = sample.first.user();
      await send(ann, ['1']);
      for (const at of [{ header: id }, { query: id }]) {
        const stream = ann.stream(at);
        await stream.has('ready');
        expect(stream.of('resync')).toEqual([{ spreadMs: expect.any(Number) as number }]);
        expect(messagesOf(stream)).toEqual([]);
      }
    },
  );

  it('has a resync for the id of another user, and none of their notifications', async () => {
    const [ann, bob] = [sample.first.user(), sample.first.user()];
    const id = await idAfterFirst(bob, 2);
    const stream = ann.stream({ header: id });
    await stream.has('ready');
    expect(stream.of('resync')).toHaveLength(1);
    expect(messagesOf(stream)).toEqual([]);
  });

  it('has a resync when more was missed than Redis keeps', async () => {
    const ann = sample.first.user();
    const id = await idAfterFirst(ann, 1);
    await send(ann, texts(2, 102));
    const stream = ann.stream({ header: id });
    await stream.has('ready');
    expect(stream.of('resync')).toHaveLength(1);
    expect(messagesOf(stream)).toEqual([]);
    expect((await ann.inbox()).notifications).toHaveLength(100);
  });

  it('is refused with 400 for ids that are no text, or too long', async () => {
    const ann = sample.first.user();
    const own = `/api/users/${ann.id}/stream`;
    for (const query of ['lastEventId=a&lastEventId=b', `lastEventId=${'x'.repeat(201)}`]) {
      expect(await ann.get(`${own}?${query}`)).toMatchObject({ status: 400 });
    }
  });

  it('keeps the id in events of other kinds, which Nest would number', async () => {
    const ann = sample.first.user();
    const stream = await ann.openStream();
    await send(ann, ['1']);
    await stream.has('notification');
    await sample.second.user().like('p1');
    await stream.has('post');
    await stream.has('traffic');
    const notified = stream.events.findIndex(({ type }) => type === 'notification');
    const { id = '' } = stream.events[notified] ?? {};
    expect(id).not.toMatch(/^\d*$/);
    expect(new Set(stream.events.slice(notified).map((event) => event.id))).toEqual(new Set([id]));

    const later = ann.stream({ header: stream.lastEventId });
    await later.has('ready');
    expect(later.of('resync')).toEqual([]);
  });
});
