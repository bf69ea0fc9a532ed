import { Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RedisPubSubService } from '../../../src/module/redis-pubsub.service.js';
import { resolveStreamOptions } from '../../../src/resumable/resumable-options.js';
import type { StreamMessage } from '../../../src/resumable/stream-message.js';
import { StreamReader } from '../../../src/resumable/stream-reader.js';

const TIMEOUT_MS = 15_000;
const writer = 'w'.repeat(11);
const started: StreamMessage = { writer, start: TIMEOUT_MS };

/** A reader of a stream with these messages in Redis. */
async function open(list: StreamMessage[], given: object = {}) {
  const live = new Subject<{ data: unknown }>();
  let onSubscribed: (() => void) | undefined;
  const limits: number[] = [];
  const pubsub = {
    status: 'connected',
    observe: (_: string, options: { onSubscribed: () => void }) => {
      ({ onSubscribed } = options);
      return live;
    },
    history: async (_: string, { limit }: { limit: number }) => {
      limits.push(limit);
      const read = limit === Infinity ? list : list.slice(-limit);
      return { messages: read.map((data) => ({ data })) };
    },
  };
  const found: unknown[] = [];
  const scope = {
    pubsub: pubsub as unknown as RedisPubSubService,
    options: resolveStreamOptions(),
    id: 'id',
    channel: 'resumable.id',
  };
  const reader = new StreamReader(scope, given, {
    onRestart: () => found.push('restart'),
    onChunk: ({ data }) => found.push(data),
    onEnd: (outcome) => found.push(outcome),
    onFailure: (error) => found.push((error as { reason: unknown }).reason ?? error),
  });
  reader.open();
  onSubscribed?.();
  await vi.advanceTimersByTimeAsync(0);
  const say = (message: StreamMessage): void => live.next({ data: message });
  return { reader, found, limits, pubsub, live, say, subscribe: () => onSubscribed?.() };
}

describe('StreamReader', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('counts the writer as lost after its timeout, and not sooner', async () => {
    const { found, live } = await open([started, { writer, from: 1, chunks: ['a'] }]);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
    expect(found).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(1);
    expect(found).toEqual(['a', 'writer-lost']);
    expect(live.observed).toBe(false);
  });

  it('takes each message of the writer for a sign, and none of others', async () => {
    const { found, say } = await open([started]);
    for (const message of [
      { writer, last: 0 },
      { writer, from: 1, chunks: ['a'] },
    ]) {
      await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
      say(message);
    }
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
    say({ writer: 's'.repeat(11), last: 0 });
    await vi.advanceTimersByTimeAsync(1);
    expect(found).toEqual(['a', 'writer-lost']);
  });

  it('does not judge a writer without a connection', async () => {
    const { found, pubsub, subscribe } = await open([started]);
    pubsub.status = 'reconnecting';
    await vi.advanceTimersByTimeAsync(3 * TIMEOUT_MS);
    pubsub.status = 'connected';
    subscribe();
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
    expect(found).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(found).toEqual(['writer-lost']);
  });

  it('waits for chunks that are missing as long as for a writer, although that is there', async () => {
    const { found, say } = await open([started, { writer, from: 2, chunks: ['b'] }]);
    for (let i = 0; i < 3; i++) {
      await vi.advanceTimersByTimeAsync(TIMEOUT_MS / 3 - 1);
      say({ writer, last: 2 });
    }
    expect(found).toEqual([]);
    await vi.advanceTimersByTimeAsync(3);
    expect(found).toEqual(['history-lost']);
  });

  it('goes on when missing chunks are stored again', async () => {
    const { found, say } = await open([started, { writer, from: 2, chunks: ['b'] }]);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
    say({ writer, from: 1, chunks: ['a', 'b'] });
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
    say({ writer, last: 2, outcome: 'stopped' });
    expect(found).toEqual(['a', 'b', 'stopped']);
  });

  it('waits for the start as long as it is told, and longer for a stream that was there', async () => {
    const none = await open([]);
    expect(none.found).toEqual(['absent']);
    const early = await open([], { startTimeout: 500 });
    await vi.advanceTimersByTimeAsync(499);
    expect(early.found).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(early.found).toEqual(['absent']);
    const resumed = await open([], { since: `${writer}.3` });
    const torn = await open([{ writer, from: 2, chunks: ['b'] }]);
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
    expect([resumed.found, torn.found]).toEqual([[], []]);
    await vi.advanceTimersByTimeAsync(1);
    expect([resumed.found, torn.found]).toEqual([['absent'], ['history-lost']]);
  });

  it('begins with a sign of the writer, if the start did not arrive', async () => {
    const list: StreamMessage[] = [];
    const { found, say } = await open(list, { startTimeout: 60_000 });
    list.push(started, { writer, from: 1, chunks: ['a'] });
    say({ writer, last: 1 });
    await vi.advanceTimersByTimeAsync(0);
    expect(found).toEqual(['a']);
  });

  it('reads as little as it needs after an outage', async () => {
    const list: StreamMessage[] = [started];
    for (let from = 1; from <= 300; from++) list.push({ writer, from, chunks: [from] });
    const { found, limits, subscribe, say } = await open(list);
    expect([found.length, limits]).toEqual([300, [Infinity]]);
    list.push({ writer, from: 301, chunks: [301] });
    subscribe();
    await vi.advanceTimersByTimeAsync(0);
    expect([found.length, limits]).toEqual([301, [Infinity, 4]]);
    for (let from = 302; from <= 400; from++) list.push({ writer, from, chunks: [from] });
    say({ writer, last: 400 });
    await vi.advanceTimersByTimeAsync(0);
    expect([found.length, limits]).toEqual([400, [Infinity, 4, 4, 64, Infinity]]);
    expect(found).toEqual(found.map((_, i) => i + 1));
  });

  it('says nothing after it was unsubscribed', async () => {
    const { found, reader, say, live } = await open([started]);
    reader.unsubscribe();
    say({ writer, from: 1, chunks: ['a'] });
    await vi.advanceTimersByTimeAsync(2 * TIMEOUT_MS);
    expect(found).toEqual([]);
    expect(live.observed).toBe(false);
  });
});
