import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { IN_MEMORY } from '../../support/in-memory.js';
import { Random } from '../../support/random.js';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf } from '../module/apps.js';
import {
  answerOf,
  ManualSource,
  startStreams,
  TestReader,
  type StreamsApp,
} from './resumable-app.js';

const CHUNKS = 500;
const RELOADS = 20;
/** Short for a test, and long enough for the restart of a server on a busy machine. */
const LOST_AFTER_MS = 15_000;
const SOON_MS = 600;

/** A page that is reloaded: it goes on at its last chunk, or begins again without what it had. */
class Page {
  #reader: TestReader;
  reloads = 0;

  constructor(
    private readonly id: string,
    private readonly random: Random,
    private readonly apps: readonly StreamsApp[],
  ) {
    this.#reader = new TestReader(id);
  }

  get text(): string {
    return this.#reader.data.join('');
  }

  get length(): number {
    return this.#reader.chunks.length;
  }

  load(): void {
    this.#reader.close();
    if (this.random.below(2) === 0) this.#reader = new TestReader(this.id);
    this.#reader.open(this.random.pick(this.apps), { startTimeout: LOST_AFTER_MS });
  }

  /** Reloads at random places until the stream has ended. Resolves to how it ended. */
  async run(): Promise<string> {
    const places = Array.from({ length: RELOADS }, () => 1 + this.random.below(CHUNKS - 1));
    this.load();
    for (const place of places.toSorted((one, other) => one - other)) {
      await this.#reader.has(place);
      this.load();
      this.reloads++;
    }
    return this.#reader.ended();
  }
}

/** An answer that comes slowly enough to be reloaded, and waits at one place. */
async function* slowly(answer: readonly string[], at: number, pause: () => Promise<unknown>) {
  for (const [i, chunk] of answer.entries()) {
    if (i === at) await pause();
    await delay(1);
    yield chunk;
  }
}

describe('a stream while Redis, its writer or its readers fail', () => {
  const redis = useRedis();

  /** Kills Redis, and starts it again. Resolves to whether it has lost its data. */
  async function restart(): Promise<boolean> {
    if (!IN_MEMORY) await redis.client.set('data', 'there');
    await redis.kill();
    await redis.stop();
    await redis.start();
    return !IN_MEMORY && (await redis.client.exists('data')) === 0;
  }

  it.each([1, 2, 3])(
    `is the same for two pages that are reloaded ${RELOADS} times, while Redis is killed and loses its data (seed %i)`,
    async (seed) => {
      const random = new Random(seed);
      const options = { writerTimeout: LOST_AFTER_MS };
      const apps = [await startStreams(redis, options), await startStreams(redis, options)];
      const id = `killed-${seed}`;
      const answer = answerOf(CHUNKS);
      let hasLost: Promise<boolean> | undefined;
      const place = 100 + random.below(300);
      const source = slowly(answer, place, async () => void (hasLost = restart()));
      const writing = await apps[0]?.streams.start(id, source);
      const pages = [new Page(id, random, apps), new Page(id, random, apps)];
      const ends = await Promise.all(pages.map((page) => page.run()));
      expect(ends).toEqual(['completed', 'completed']);
      expect(await writing?.done).toBe('completed');
      expect(await hasLost).toBe(!IN_MEMORY);
      for (const { text, reloads } of pages) {
        expect(Buffer.from(text).equals(Buffer.from(answer.join('')))).toBe(true);
        expect(reloads).toBe(RELOADS);
      }
      const late = new TestReader(id).open(apps[1] as StreamsApp);
      expect(await late.ended()).toBe('completed');
      expect(late.data).toEqual(answer);
    },
  );

  it.skipIf(IN_MEMORY)(
    'counter-proof: what is only kept in Redis is lost, and a reader is told so',
    async () => {
      const app = await startStreams(redis, { writerTimeout: SOON_MS });
      const writer = 'x'.repeat(11);
      const history = { size: 100, ttl: 60_000 };
      const store = (message: object) => app.pubsub.publish('resumable.bare', message, { history });
      await store({ writer, start: SOON_MS });
      await store({ writer, from: 1, chunks: ['lost'] });
      expect(await restart()).toBe(true);
      await eventually(() => app.pubsub.status === 'connected');
      await store({ writer, from: 2, chunks: ['kept'] });
      const withoutStart = new TestReader('bare').open(app);
      expect(await withoutStart.ended()).toBe('history-lost');
      await store({ writer, start: SOON_MS });
      await store({ writer, last: 2, outcome: 'completed' });
      const withoutFirst = new TestReader('bare').open(app);
      expect(await withoutFirst.ended()).toBe('history-lost');
      expect(withoutFirst.data).toEqual([]);
    },
  );

  it('is whole again soon after a restart, while its source is silent', async () => {
    const app = await startStreams(redis, { writerTimeout: LOST_AFTER_MS });
    const source = new ManualSource<string>();
    const writing = await app.streams.start('middle', source);
    source.give('one', 'two', 'three');
    await new TestReader('middle').open(app).has(3);
    expect(await restart()).toBe(!IN_MEMORY);
    const reader = new TestReader('middle').open(app, { startTimeout: LOST_AFTER_MS });
    await reader.has(3);
    expect(reader.data).toEqual(['one', 'two', 'three']);
    expect(await writing.stop()).toBe('stopped');
  });

  it('waits while Redis is away, and its source with it', async () => {
    const [writer, other] = [await startStreams(redis), await startStreams(redis)];
    const source = new ManualSource<string>();
    const writing = await writer.streams.start('away', source);
    source.give('one');
    const reader = new TestReader('away').open(other);
    await reader.has(1);
    await redis.stop();
    await eventually(() => writer.pubsub.status !== 'connected');
    source.give('two', 'three');
    await eventually(() => source.asked === 2);
    // Longer than the publish buffer keeps a message, so that it is published again.
    await delay(2_500);
    expect(source.asked).toBe(2);
    await redis.start();
    await reader.has(3);
    source.end();
    expect(await writing.done).toBe('completed');
    expect(await reader.ended()).toBe('completed');
    expect(reader.data).toEqual(['one', 'two', 'three']);
    const late = new TestReader('away').open(writer);
    expect(await late.ended()).toBe('completed');
    expect(late.data).toEqual(['one', 'two', 'three']);
  });

  it('fails when Redis is away for longer than its ttl', async () => {
    const app = await startStreams(redis, { ttl: 300 }, { publishBuffer: false });
    const source = new ManualSource<string>();
    const writing = await app.streams.start('too-late', source);
    await redis.stop();
    source.give('x');
    expect((await failureOf(writing.done)).code).toBe('ERR_PUBSUB_CONNECTION');
    expect(source.isReturned).toBe(true);
    await redis.start();
  });

  it.skipIf(IN_MEMORY)(
    'has all chunks at its end, also of a Redis that has forgotten them',
    async () => {
      const [writer, other] = [
        await startStreams(redis, { writerTimeout: SOON_MS }),
        await startStreams(redis),
      ];
      const source = new ManualSource<string>();
      const writing = await writer.streams.start('flushed', source);
      const answer = answerOf(250);
      source.give(...answer);
      const live = new TestReader('flushed').open(other);
      await live.has(250);
      await redis.client.flushall();
      source.give('last');
      await live.has(251);
      const told = new TestReader('flushed').open(other, { startTimeout: SOON_MS });
      const early = new TestReader('flushed').open(writer);
      expect(await early.ended()).toBe('history-lost');
      told.close();
      source.end();
      expect(await writing.done).toBe('completed');
      expect(await live.ended()).toBe('completed');
      const late = new TestReader('flushed').open(other);
      expect(await late.ended()).toBe('completed');
      expect(late.data).toEqual([...answer, 'last']);
      expect(live.data).toEqual([...answer, 'last']);
    },
  );

  it.skipIf(IN_MEMORY)(
    'is stored again after a publish that took long, as in a failover',
    async () => {
      const app = await startStreams(redis);
      const source = new ManualSource<string>();
      const writing = await app.streams.start('long-publish', source);
      source.give('one', 'two');
      const live = new TestReader('long-publish').open(app);
      await live.has(2);
      await redis.client.flushall();
      await redis.client.call('CLIENT', 'PAUSE', '1200', 'WRITE');
      source.give('three');
      await live.has(3);
      const late = new TestReader('long-publish').open(app, { startTimeout: 10_000 });
      await late.has(3);
      expect(late.data).toEqual(['one', 'two', 'three']);
      await writing.stop();
    },
  );

  it.skipIf(IN_MEMORY)(
    'gives up an id that Redis has lost, and another writer has taken',
    async () => {
      const [one, other] = [await startStreams(redis), await startStreams(redis)];
      const source = new ManualSource<string>();
      const writing = await one.streams.start('taken', source);
      source.give('of one');
      const reader = new TestReader('taken').open(one);
      await reader.has(1);
      await redis.client.flushall();
      const taken = await other.streams.start(
        'taken',
        slowly(['of other'], 0, async () => undefined),
      );
      expect(await taken.done).toBe('completed');
      source.end();
      expect((await failureOf(writing.done)).message).toContain('exists already');
      const late = new TestReader('taken').open(other);
      expect(await late.ended()).toBe('completed');
      expect(late.data).toEqual(['of other']);
      expect(await reader.ended()).toBe('completed');
      expect(reader.data).toEqual(['of one']);
    },
  );

  it.skipIf(IN_MEMORY)(
    'is tried again for its writerTimeout when Redis refuses to write',
    async () => {
      const app = await startStreams(redis, { writerTimeout: SOON_MS });
      const source = new ManualSource<string>();
      const writing = await app.streams.start('refused', source);
      await redis.client.config('SET', 'min-replicas-to-write', '1');
      source.give('one');
      await delay(SOON_MS / 3);
      await redis.client.config('SET', 'min-replicas-to-write', '0');
      const reader = new TestReader('refused').open(app);
      await reader.has(1);
      await redis.client.config('SET', 'min-replicas-to-write', '1');
      source.give('two');
      expect((await failureOf(writing.done)).code).toBe('ERR_PUBSUB_PUBLISH');
      await redis.client.config('SET', 'min-replicas-to-write', '0');
      expect(await reader.ended()).toBe('writer-lost');
      expect(reader.data).toEqual(['one']);
    },
  );

  it.skipIf(IN_MEMORY)(
    'is stored again in parts where all of it is too large for one message',
    async () => {
      const app = await startStreams(redis, {}, { maxPayloadBytes: 2_000 });
      const source = new ManualSource<string>();
      const writing = await app.streams.start('large', source);
      const answer = Array.from({ length: 40 }, (_, i) => String(i).repeat(600));
      source.give(...answer);
      await new TestReader('large').open(app).has(40);
      await redis.client.flushall();
      source.end();
      expect(await writing.done).toBe('completed');
      const late = new TestReader('large').open(app);
      expect(await late.ended()).toBe('completed');
      expect(late.data).toEqual(answer);
    },
  );

  it.skipIf(IN_MEMORY)('is absent when Redis has lost it after its end', async () => {
    const app = await startStreams(redis, { writerTimeout: SOON_MS });
    const writing = await app.streams.start(
      'gone',
      slowly(['x'], 0, async () => undefined),
    );
    await writing.done;
    const reader = new TestReader('gone').open(app);
    await reader.ended();
    await redis.client.flushall();
    expect(await new TestReader('gone').open(app).ended()).toBe('absent');
    reader.end = undefined;
    expect(await reader.open(app).ended()).toBe('absent');
  });

  it('is stopped by a message that is lost the first time', async () => {
    const [writer, other] = [
      await startStreams(redis, { writerTimeout: SOON_MS }),
      await startStreams(redis),
    ];
    const source = new ManualSource<string>();
    const writing = await writer.streams.start('lost-stop', source);
    const stopping = other.streams.stop('lost-stop');
    await redis.killConnections();
    await stopping.catch(() => other.streams.stop('lost-stop'));
    expect(await writing.done).toBe('stopped');
  });

  it('cannot be stopped while Redis is away, and says so', async () => {
    const app = await startStreams(redis, {}, { publishBuffer: false });
    const source = new ManualSource<string>();
    const writing = await app.streams.start('unreachable', source);
    await redis.stop();
    await eventually(() => app.pubsub.status !== 'connected');
    const { code } = await failureOf(app.streams.stop('unreachable'));
    expect(code).toBe('ERR_PUBSUB_CONNECTION');
    expect((await failureOf(app.streams.start('other', source))).code).toBe(
      'ERR_PUBSUB_CONNECTION',
    );
    await redis.start();
    await eventually(() => app.pubsub.status === 'connected');
    expect(await writing.stop()).toBe('stopped');
  });

  it('stays in Redis while its source is silent for longer than its ttl', async () => {
    const app = await startStreams(redis, { ttl: 1_200, writerTimeout: SOON_MS });
    const source = new ManualSource<string>();
    const writing = await app.streams.start('quiet', source);
    source.give('x');
    await new TestReader('quiet').open(app).has(1);
    await delay(2_000);
    const reader = new TestReader('quiet').open(app);
    await reader.has(1);
    await writing.stop();
    expect(await reader.ended()).toBe('completed');
  });
});

describe.skipIf(IN_MEMORY)('a stream whose writer is another process', () => {
  const redis = useRedis();

  async function startWriter(id: string): Promise<ChildProcess> {
    const args = [redis.url, id, String(SOON_MS)];
    const child = fork(new URL('../../support/stream-writer.mjs', import.meta.url), args);
    closeAfterTest(async () => child.kill('SIGKILL'));
    expect(await once(child, 'message')).toEqual(['ready', undefined]);
    return child;
  }

  it('tells each reader that the writer is lost, and keeps what it has', async () => {
    const app = await startStreams(redis);
    const child = await startWriter('crashed');
    const live = new TestReader('crashed').open(app);
    child.send(1);
    child.send(2);
    await live.has(2);
    child.kill('SIGKILL');
    const killedAt = performance.now();
    expect(await live.ended()).toBe('writer-lost');
    // Not sooner than one interval of its signs could have told.
    expect(performance.now() - killedAt).toBeGreaterThan(SOON_MS / 3);
    const late = new TestReader('crashed').open(app);
    expect(await late.ended()).toBe('writer-lost');
    expect(late.data).toEqual(['chunk 1', 'chunk 2']);
    await expect(app.streams.stop('crashed')).rejects.toMatchObject({ reason: 'writer-lost' });
    await expect(app.streams.start('crashed', new ManualSource())).rejects.toMatchObject({
      reason: 'exists',
    });
  });

  it('does not count the silence of a source, or an outage of Redis, as a lost writer', async () => {
    const app = await startStreams(redis);
    const child = await startWriter('silent');
    const reader = new TestReader('silent').open(app);
    child.send(1);
    await reader.has(1);
    await delay(3 * SOON_MS);
    await redis.stop();
    await delay(2 * SOON_MS);
    await redis.start();
    child.send(2);
    await reader.has(2);
    expect(reader.end).toBeUndefined();
    await app.streams.stop('silent');
    expect(await reader.ended()).toBe('completed');
    expect(reader.data).toEqual(['chunk 1', 'chunk 2']);
  });

  it('counter-proof: without the signs of a writer, a reader would take a silent one for lost', async () => {
    const app = await startStreams(redis);
    const writer = 'y'.repeat(11);
    const history = { size: 100, ttl: 60_000 };
    const message = { writer, start: SOON_MS };
    await app.pubsub.publish('resumable.signless', message, { history });
    expect(await new TestReader('signless').open(app).ended()).toBe('writer-lost');
  });
});
