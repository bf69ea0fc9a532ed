import { of, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  StreamError,
  type StreamErrorReason,
  type StreamWriting,
} from 'nestjs-redis-pubsub/resumable';
import { Gate } from '../../support/gate.js';
import { eventually, useRedis } from '../../support/redis.js';
import { HAS_SHARDED } from '../../support/sharded.js';
import { failureOf } from '../module/apps.js';
import { answerOf, ManualSource, startStreams, TestReader } from './resumable-app.js';

const reasonOf = async (promise: Promise<unknown>): Promise<StreamErrorReason | undefined> => {
  const error = await failureOf(promise);
  return error instanceof StreamError ? error.reason : undefined;
};

describe('a resumable stream', () => {
  const redis = useRedis();
  const start = () => startStreams(redis);

  it.each([{}, { prefix: 'shop:' }, { sharded: true }].slice(0, HAS_SHARDED ? 3 : 2))(
    'is read from the start, from a position, while it is written and after that (%o)',
    async (options) => {
      const [writer, other] = [
        await startStreams(redis, {}, options),
        await startStreams(redis, {}, options),
      ];
      const source = new ManualSource<string>();
      const writing = await writer.streams.start('a', source);
      const live = new TestReader('a').open(other);
      source.give('one', 'two');
      await live.has(2);
      const late = new TestReader('a').open(other);
      await late.has(2);
      late.close();
      source.give('three');
      await live.has(3);
      late.open(writer);
      source.end();
      expect(await writing.done).toBe('completed');
      expect([await live.ended(), await late.ended()]).toEqual(['completed', 'completed']);
      const after = new TestReader('a').open(other);
      expect(await after.ended()).toBe('completed');
      for (const reader of [live, late, after]) {
        expect(reader.data).toEqual(['one', 'two', 'three']);
        expect(reader.chunks).toEqual(after.chunks);
      }
      expect(after.chunks.map(({ number }) => number)).toEqual([1, 2, 3]);
      expect(after.position).toMatch(/^[\w-]{11}\.3$/);
      after.end = undefined;
      expect(await after.open(other).ended()).toBe('completed');
      expect(after.data).toHaveLength(3);
    },
  );

  it('is one publish for each chunk, however many readers it has', async () => {
    const [writer, other] = [await start(), await start()];
    const source = new ManualSource<string>();
    await writer.streams.start('b', source);
    const readers = [writer, other, other].map((it) => new TestReader('b').open(it));
    let published = 0;
    await other.pubsub.subscribe('resumable.b', ({ data }) => {
      if ('chunks' in (data as object)) published++;
    });
    const answer = answerOf(30);
    source.give(...answer);
    source.end();
    for (const reader of readers) expect(await reader.ended()).toBe('completed');
    for (const reader of readers) expect(reader.data).toEqual(answer);
    expect(published).toBe(30);
  });

  it.each([
    ['an Observable', of('x', 'y')],
    ['a function that returns an Observable', () => of('x', 'y')],
    [
      'a function that returns a generator',
      async function* () {
        yield 'x';
        yield 'y';
      },
    ],
    [
      'a ReadableStream',
      () =>
        new ReadableStream<string>({
          start: (it) => {
            it.enqueue('x');
            it.enqueue('y');
            it.close();
          },
        }) as unknown as AsyncIterable<string>,
    ],
  ])('is written from %s', async (name, source) => {
    const app = await start();
    const id = name.replaceAll(' ', '-');
    await app.streams.start<string>(id, source);
    const reader = new TestReader(id).open(app);
    expect(await reader.ended()).toBe('completed');
    expect(reader.data).toEqual(['x', 'y']);
  });

  it('may be empty, and may have any data', async () => {
    const app = await start();
    const data = [null, 0, '', { text: 'x' }, [1], false, answerOf(12).join('')];
    await app.streams.start('data', of(...data));
    const reader = new TestReader<unknown>('data').open(app);
    expect(await reader.ended()).toBe('completed');
    expect(reader.data).toEqual(data);
    const writing = await app.streams.start('empty', of());
    expect(await writing.done).toBe('completed');
    expect(await new TestReader('empty').open(app).ended()).toBe('completed');
  });

  it('asks its source for a chunk when Redis has the one before it', async () => {
    const app = await start();
    const source = new ManualSource<string>();
    await app.streams.start('slow', source);
    await eventually(() => source.asked === 1);
    source.give('one');
    await eventually(() => source.asked === 2);
    expect((await app.pubsub.history('resumable.slow')).messages).toHaveLength(2);
  });

  it('is written once: a second writer is refused, and opens no source', async () => {
    const [one, other] = [await start(), await start()];
    const source = new ManualSource<string>();
    const writing = await one.streams.start('once', source);
    const second = new ManualSource<string>();
    for (const app of [one, other]) {
      expect(await reasonOf(app.streams.start('once', second))).toBe('exists');
    }
    source.give('mine');
    source.end();
    await writing.done;
    expect(await reasonOf(other.streams.start('once', second))).toBe('exists');
    expect(second.isOpen).toBe(false);
    const reader = new TestReader('once').open(other);
    expect(await reader.ended()).toBe('completed');
    expect(reader.data).toEqual(['mine']);
  });

  it('has one writer of several that start at the same time', async () => {
    const apps = [await start(), await start(), await start()];
    for (let round = 0; round < 20; round++) {
      const id = `race-${round}`;
      const results = await Promise.allSettled(
        apps.map((app, i) => app.streams.start(id, of(`of ${i}`))),
      );
      const won = results.findIndex(({ status }) => status === 'fulfilled');
      const refused = results.flatMap((it) => (it.status === 'rejected' ? [it.reason] : []));
      expect(refused.map((it: StreamError) => it.reason)).toEqual(['exists', 'exists']);
      const reader = new TestReader(id).open(apps[round % 3] as never);
      expect(await reader.ended()).toBe('completed');
      expect(reader.data).toEqual([`of ${won}`]);
    }
  });

  it('tells a stream that does not exist from one that has not started yet', async () => {
    const app = await start();
    expect(await new TestReader('none').open(app).ended()).toBe('absent');
    expect(await new TestReader('none').open(app, { startTimeout: 50 }).ended()).toBe('absent');
    const early = new TestReader('later').open(app, { startTimeout: 60_000 });
    await redis.subscribers('resumable.later', 1);
    await app.streams.start('later', of('x'));
    expect(await early.ended()).toBe('completed');
    expect(early.data).toEqual(['x']);
  });

  it('refuses a position of another stream, and takes any text for one', async () => {
    const app = await start();
    for (const id of ['p', 'q']) await (await app.streams.start(id, of('x', 'y'))).done;
    const reader = new TestReader('p').open(app);
    await reader.ended();
    for (const since of ['', '7', 'anything at all', `${'x'.repeat(11)}.1`]) {
      expect(await new TestReader('p').open(app, { since }).ended()).toBe('unknown-position');
    }
    const { position } = reader;
    expect(await new TestReader('q').open(app, { since: position }).ended()).toBe(
      'unknown-position',
    );
  });

  it('fails with its source, without the text of the error, which the writer gets', async () => {
    const [writer, other] = [await start(), await start()];
    const source = new ManualSource<string>();
    const writing = await writer.streams.start('broken', source);
    source.give('half');
    const live = new TestReader('broken').open(other);
    await live.has(1);
    source.end(new Error('the key sk-123 is wrong'));
    expect(await live.ended()).toBe('failed');
    expect((await failureOf(writing.done)).message).toBe('the key sk-123 is wrong');
    const late = new TestReader('broken').open(other);
    expect(await late.ended()).toBe('failed');
    expect(late.data).toEqual(['half']);
    expect(String(late.end)).not.toContain('sk-123');
    const { messages } = await other.pubsub.history('resumable.broken');
    expect(JSON.stringify(messages)).not.toContain('sk-123');
    const { log } = other;
    await eventually(() => log.of('error').length === 1);
    expect(log.of('error')[0]).toMatch(/^The stream "broken" failed: Error: the key/);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no source');
      },
    ],
    ['returns no source', () => 'text' as never],
  ])('fails when the function of its source %s', async (name, source) => {
    const app = await start();
    const id = `function-${name.length}`;
    const writing = await app.streams.start(id, source);
    await failureOf(writing.done);
    expect(await new TestReader(id).open(app).ended()).toBe('failed');
  });

  it.each([
    ['undefined', undefined],
    ['a chunk that cannot be encoded', new Map()],
  ])('fails at %s, and keeps the chunks before it', async (name, chunk) => {
    const app = await start();
    const id = name.replaceAll(' ', '-');
    const writing = await app.streams.start<unknown>(id, of('x', chunk, 'y'));
    expect((await failureOf(writing.done)).code).toBe('ERR_PUBSUB_PAYLOAD');
    const reader = new TestReader(id).open(app);
    expect(await reader.ended()).toBe('failed');
    expect(reader.data).toEqual(['x']);
  });

  it('fails when it has more chunks than its size', async () => {
    const app = await startStreams(redis, { size: 3 });
    const exact = await app.streams.start('exact', of(1, 2, 3));
    expect(await exact.done).toBe('completed');
    const source = new ManualSource<number>();
    source.give(1, 2, 3, 4);
    for (const [id, it] of [
      ['long', source],
      ['longer', of(1, 2, 3, 4, 5, 6)],
    ] as const) {
      const writing = await app.streams.start<number>(id, it);
      expect(await reasonOf(writing.done)).toBe('too-long');
      const reader = new TestReader<number>(id).open(app);
      expect(await reader.ended()).toBe('too-long');
      expect(reader.data).toEqual([1, 2, 3]);
    }
    expect(source.isReturned).toBe(true);
  });

  it('is stopped from another instance, and its source with it', async () => {
    const [writer, other] = [await start(), await start()];
    const source = new ManualSource<string>();
    let signal: AbortSignal | undefined;
    const writing = await writer.streams.start('stopped', (given) => {
      signal = given;
      return source;
    });
    source.give('some');
    const live = new TestReader('stopped').open(other);
    await live.has(1);
    await other.streams.stop('stopped');
    expect(await writing.done).toBe('stopped');
    expect(await live.ended()).toBe('completed');
    expect([signal?.aborted, source.isReturned]).toEqual([true, true]);
    await other.streams.stop('stopped');
    source.give('more');
    const late = new TestReader('stopped').open(other);
    expect(await late.ended()).toBe('completed');
    expect(late.data).toEqual(['some']);
  });

  it('is stopped by its writer, and unsubscribes its Observable', async () => {
    const app = await start();
    const subject = new Subject<string>();
    const writing = await app.streams.start('own-stop', subject);
    expect(subject.observed).toBe(true);
    subject.next('x');
    const reader = new TestReader('own-stop').open(app);
    await reader.has(1);
    expect(await writing.stop()).toBe('stopped');
    expect(await writing.stop()).toBe('stopped');
    expect(subject.observed).toBe(false);
    expect(await reader.ended()).toBe('completed');
    await redis.subscribers('resumable.own-stop.control', 0);
  });

  it('cannot be stopped where it does not exist, nor by other messages', async () => {
    const app = await start();
    expect(await reasonOf(app.streams.stop('none'))).toBe('absent');
    const source = new ManualSource<string>();
    const writing = await app.streams.start('strangers', source);
    for (const data of [null, 'stop', { stop: true }, { stop: 'x'.repeat(11) }]) {
      await app.pubsub.publish('resumable.strangers.control', data);
    }
    const reader = new TestReader('strangers').open(app);
    for (const data of [
      null,
      1,
      { writer: 'x' },
      { writer: 'x'.repeat(11), last: 1, outcome: 'completed' },
      { writer: 'x'.repeat(11), from: 1, chunks: ['evil'] },
      { writer: 'x'.repeat(11), start: 1 },
    ]) {
      await app.pubsub.publish('resumable.strangers', data, {
        history: { size: 100, ttl: 60_000 },
      });
    }
    source.give('good');
    await reader.has(1);
    source.end();
    expect(await writing.done).toBe('completed');
    expect(await reader.ended()).toBe('completed');
    expect(reader.data).toEqual(['good']);
  });

  it('ends its streams when the application closes, and its readers do not take that for the end', async () => {
    const [writer, other] = [await start(), await start()];
    const source = new ManualSource<string>();
    const writing = await writer.streams.start('closed', source);
    source.give('x');
    const [here, there] = [writer, other].map((it) => new TestReader('closed').open(it));
    await Promise.all([here?.has(1), there?.has(1)]);
    await writer.app.close();
    expect(await reasonOf(writing.done)).toBe('closed');
    expect(await there?.ended()).toBe('closed');
    expect(here?.end).toMatchObject({ code: 'ERR_PUBSUB_CLOSED' });
    expect(source.isReturned).toBe(true);
  });

  it('ends once, also where its source stops it when it is aborted', async () => {
    const app = await start();
    const source = new ManualSource<string>();
    let writing: StreamWriting | undefined;
    writing = await app.streams.start<string>('twice', (signal) => {
      signal.addEventListener('abort', () => void writing?.stop());
      return source;
    });
    expect(await writing.stop()).toBe('stopped');
    const { messages } = await app.pubsub.history<object>('resumable.twice');
    expect(messages.filter(({ data }) => 'outcome' in data)).toHaveLength(1);
  });

  it('does not wait for a source that hangs', async () => {
    const app = await start();
    const gate = new Gate();
    const writing = await app.streams.start('hangs', async function* () {
      yield 'x';
      await gate.opened;
      yield 'y';
    });
    await new TestReader('hangs').open(app).has(1);
    await app.streams.stop('hangs');
    expect(await writing.done).toBe('stopped');
    gate.open();
    const reader = new TestReader('hangs').open(app);
    expect(await reader.ended()).toBe('completed');
    expect(reader.data).toEqual(['x']);
  });

  it('refuses wrong options, ids and sources', async () => {
    const app = await start();
    await expect(startStreams(redis, { ttl: 0 })).rejects.toThrow('"ttl"');
    await expect(startStreams(redis, { size: 50_001 })).rejects.toThrow('"size"');
    await expect(startStreams(redis, { writerTimeout: 100 })).rejects.toThrow('"writerTimeout"');
    await expect(startStreams(redis, { channel: 'fixed' })).rejects.toThrow('"id"');
    await expect(startStreams(redis, { sise: 3 } as never)).rejects.toThrow('did you mean "size"');
    const withoutIds = await startStreams(redis, {}, { messageIds: false });
    await expect(withoutIds.streams.start('x', of(1))).rejects.toThrow('"history"');
    await expect(app.streams.start('a.b', of(1))).rejects.toThrow('segment');
    await expect(app.streams.start(7 as never, of(1))).rejects.toThrow('"id"');
    await expect(app.streams.start('text', 'text' as never)).rejects.toThrow('"source"');
    await expect(app.streams.stop('')).rejects.toThrow('"id"');
    expect(() => app.streams.read('x', { since: 7 as never })).toThrow('"since"');
    expect(() => app.streams.read('x', { startTimeout: -1 })).toThrow('"startTimeout"');
    expect(() => app.streams.readEvents('x', { lastEventId: 7 as never })).toThrow('"lastEventId"');
  });
});
