import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClosedError, ConnectionError } from '../../../../src/errors.js';
import { GatheredRequest } from '../../../../src/transport/client/gathered-request.js';
import type { ReplyInbox } from '../../../../src/transport/client/reply-inbox.js';
import { pass, useFakeClock, useRealClock } from '../../broker/fake-client.js';

const KEY = { kind: 'channel', name: 'inbox' } as const;
const PACKET = { pattern: 'sum', data: 1 };

function bench({
  receivers = 3,
  maxResponders = Infinity,
  countsReceivers = true,
  opening = undefined as Promise<void> | undefined,
} = {}) {
  const calls: string[] = [];
  const seen: unknown[] = [];
  const state = { isSubscribed: true };
  const inbox = {
    open: () => {
      calls.push('open');
      return opening;
    },
    close: () => calls.push('close'),
    add: (id: number) => calls.push(`add ${id}`),
    remove: (id: number) => calls.push(`remove ${id}`),
    sendCancellation: (id: number) => calls.push(`cancel ${id}`),
    reportUnsent: (packet: unknown) => packet === PACKET && calls.push('unsent'),
    isSubscribed: () => state.isSubscribed,
    countsReceivers: () => countsReceivers,
    whenRead: (_: unknown, onRead: () => void) => setImmediate(onRead),
  } as unknown as ReplyInbox;
  const request = new GatheredRequest(
    inbox,
    { id: 7, channel: 'sum', packet: PACKET, replyKey: KEY, timeoutMs: 1_000, maxResponders },
    {
      next: ({ err, response }) => seen.push(err ? { err: err as unknown } : { response }),
      error: (error) => seen.push(['failed', error]),
      complete: () => seen.push('complete'),
    },
  );
  const publish = (): Promise<number> => {
    calls.push('publish');
    return Promise.resolve(receivers);
  };
  return { request, calls, seen, publish, state };
}

const WITHOUT_CANCELLATION = ['open', 'add 7', 'publish', 'remove 7', 'close'];
const WITH_CANCELLATION = ['open', 'add 7', 'publish', 'cancel 7', 'remove 7', 'close'];

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('GatheredRequest', () => {
  it('collects values and errors until all receivers have ended', async () => {
    const { request, calls, seen, publish } = bench();
    await request.start(publish);
    request.onReply({ response: 1, isDisposed: true });
    request.onReply({ err: 'no', isDisposed: true });
    expect(seen).toEqual([{ response: 1 }, { err: 'no' }]);
    request.onReply({ response: null, isDisposed: true });
    expect(seen.slice(2)).toEqual([{ response: null }, 'complete']);
    expect(calls).toEqual(WITHOUT_CANCELLATION);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('completes also when the replies are faster than the count of receivers', async () => {
    const { request, seen } = bench();
    let publish!: (receivers: number) => void;
    const started = request.start(() => new Promise((resolve) => (publish = resolve)));
    await pass(0);
    request.onReply({ response: 1, isDisposed: true });
    expect(seen).toEqual([{ response: 1 }]);
    publish(1);
    await started;
    expect(seen).toEqual([{ response: 1 }, 'complete']);
  });

  it('completes at its timeout with what it has, and cancels', async () => {
    const { request, calls, seen, publish } = bench();
    await request.start(publish);
    await pass(999);
    request.onReply({ response: 1, isDisposed: true });
    request.onArrival();
    expect(seen).toEqual([{ response: 1 }]);
    await pass(1);
    expect(seen).toEqual([{ response: 1 }, 'complete']);
    expect(calls).toEqual(WITH_CANCELLATION);
    request.onReply({ response: 2, isDisposed: true });
    expect(seen).toHaveLength(2);
  });

  it('takes replies that arrived before its timeout, and are read after it', async () => {
    const { request, seen, publish } = bench();
    await request.start(publish);
    vi.advanceTimersByTime(1_000);
    request.onReply({ response: 1, isDisposed: true });
    await pass(0);
    expect(seen).toEqual([{ response: 1 }, 'complete']);
  });

  it('completes at its timeout while the subscription is not acknowledged', async () => {
    const { request, calls, seen, publish } = bench({ opening: new Promise(() => undefined) });
    void request.start(publish);
    await pass(1_000);
    expect([seen, calls]).toEqual([['complete'], ['open', 'unsent', 'remove 7']]);
  });

  it('completes when the given number of responders have ended, and cancels the others', async () => {
    const { request, calls, seen, publish } = bench({ maxResponders: 2 });
    await request.start(publish);
    request.onReply({ response: 1, isDisposed: true });
    request.onReply({ err: 'no' });
    expect(seen).toEqual([{ response: 1 }, { err: 'no' }, 'complete']);
    expect(calls).toEqual(WITH_CANCELLATION);
  });

  it('does not count receivers where Redis does not count all of them', async () => {
    const { request, seen, publish } = bench({ receivers: 1, countsReceivers: false });
    await request.start(publish);
    request.onReply({ response: 1, isDisposed: true });
    request.onReply({ response: 2, isDisposed: true });
    expect(seen).toEqual([{ response: 1 }, { response: 2 }]);
    await pass(1_000);
    expect(seen[2]).toBe('complete');
  });

  it('completes at once without a receiver', async () => {
    const { request, calls, seen, publish } = bench({ receivers: 0 });
    await request.start(publish);
    expect([seen, calls]).toEqual([['complete'], WITHOUT_CANCELLATION]);
  });

  it('emits each value of a stream, whose end is no further reply', async () => {
    const { request, seen, publish } = bench({ receivers: 2 });
    await request.start(publish);
    request.onReply({ response: 1 });
    request.onReply({ response: 2 });
    request.onReply({ isDisposed: true });
    request.onReply({ response: 3, isDisposed: true });
    expect(seen).toEqual([{ response: 1 }, { response: 2 }, { response: 3 }, 'complete']);
  });

  it('emits a reply for a responder that returns nothing', async () => {
    const { request, seen, publish } = bench({ receivers: 2 });
    await request.start(publish);
    request.onReply({ isDisposed: true });
    request.onReply({ isDisposed: true });
    expect(seen).toEqual([{ response: undefined }, { response: undefined }, 'complete']);
  });

  it('emits the error of a reply that cannot be read, and goes on', async () => {
    const { request, seen, publish } = bench({ receivers: 1 });
    await request.start(publish);
    request.onUnreadable('unreadable');
    request.onReply({ response: 1, isDisposed: true });
    request.onUnreadable('late');
    expect(seen).toEqual([{ err: 'unreadable' }, { response: 1 }, 'complete']);
  });

  it('cancels once, and receives nothing more', async () => {
    const { request, calls, seen, publish } = bench();
    await request.start(publish);
    request.cancel();
    request.cancel();
    request.onReply({ response: 1, isDisposed: true });
    request.onFailure(new Error('closed'));
    expect([seen, calls]).toEqual([[], WITH_CANCELLATION]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('publishes nothing if it is cancelled before its replies can be received', async () => {
    let opened!: () => void;
    const opening = new Promise<void>((resolve) => (opened = resolve));
    const { request, calls, seen, publish } = bench({ opening });
    void request.start(publish);
    request.cancel();
    opened();
    await pass(0);
    expect([calls, seen]).toEqual([['open', 'unsent', 'remove 7', 'close'], []]);
  });

  it('fails with the error of the publish, and cancels nothing', async () => {
    const { request, calls, seen } = bench();
    await request.start(() => Promise.reject(new Error('refused')));
    expect(seen).toEqual([['failed', new Error('refused')]]);
    expect(calls).toEqual(['open', 'add 7', 'remove 7', 'close']);
  });

  it('fails when the client closes, and cancels', async () => {
    const { request, calls, seen, publish } = bench();
    await request.start(publish);
    request.onFailure(new ClosedError());
    expect([seen, calls]).toEqual([[['failed', new ClosedError()]], WITH_CANCELLATION]);
  });

  it('fails, and publishes nothing, while its replies could not arrive', async () => {
    const { request, calls, seen, publish, state } = bench();
    state.isSubscribed = false;
    await request.start(publish);
    const message = 'Cannot send a request: its replies could not arrive yet ("sum")';
    expect(seen).toEqual([['failed', new ConnectionError(message)]]);
    expect(calls).not.toContain('publish');
  });
});
