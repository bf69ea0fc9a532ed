import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ConnectionError,
  NoSubscribersError,
  RequestTimeoutError,
} from '../../../../src/errors.js';
import type { ReplyInbox } from '../../../../src/transport/client/reply-inbox.js';
import { SentRequest } from '../../../../src/transport/client/sent-request.js';
import { advance, pass, useFakeClock, useRealClock } from '../../broker/fake-client.js';

const KEY = { kind: 'channel', name: 'inbox' } as const;
const PACKET = { pattern: 'sum', data: 1 };

function bench({ timeoutMs = 1_000, opening = undefined as Promise<void> | undefined } = {}) {
  const calls: string[] = [];
  const packets: unknown[] = [];
  const state = {
    isSubscribed: true,
    isUndelivered: false,
    mixUpHint: '',
    isWithoutResponder: false,
  };
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
    whenRead: (_: unknown, onRead: () => void) => setImmediate(onRead),
    mixUpHint: () => state.mixUpHint,
    isUndelivered: () => state.isUndelivered,
    isWithoutResponder: () => state.isWithoutResponder,
  } as unknown as ReplyInbox;
  const request = new SentRequest(
    inbox,
    { id: 7, channel: 'sum', packet: PACKET, replyKey: KEY, timeoutMs },
    (packet) => packets.push(packet),
  );
  const publish = (): Promise<number> => {
    calls.push('publish');
    return Promise.resolve(1);
  };
  return { request, calls, packets, publish, state };
}

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('SentRequest', () => {
  it('publishes when its replies can be received, and passes the reply on', async () => {
    const { request, calls, packets, publish } = bench();
    await request.start(publish);
    expect(calls).toEqual(['open', 'add 7', 'publish']);
    request.onReply({ id: 7, response: 3, isDisposed: true });
    expect(packets).toEqual([{ err: undefined, response: 3, isDisposed: true }]);
    expect(calls.slice(3)).toEqual(['remove 7', 'close']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for the subscription of its replies', async () => {
    let opened!: () => void;
    const opening = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const { request, calls, publish } = bench({ opening });
    void request.start(publish);
    await pass(0);
    expect(calls).toEqual(['open']);
    opened();
    await pass(0);
    expect(calls).toEqual(['open', 'add 7', 'publish']);
  });

  it('says at its timeout that only request handlers reply, where this process has none', async () => {
    const { request, packets, publish, state } = bench();
    state.isWithoutResponder = true;
    await request.start(publish);
    await pass(1_000);
    expect(packets).toEqual([
      {
        err: expect.objectContaining({
          message: expect.stringContaining(
            'delivered the request to 1 subscription: only @MessagePattern handlers reply, and this',
          ) as string,
        }) as unknown,
      },
    ]);
  });

  it('fails at its timeout, and cancels', async () => {
    const { request, calls, packets, publish } = bench();
    await request.start(publish);
    await pass(999);
    expect(packets).toEqual([]);
    await pass(1);
    expect(packets).toEqual([{ err: new RequestTimeoutError('sum', 1_000) }]);
    expect(calls.slice(3)).toEqual(['cancel 7', 'remove 7', 'close']);
  });

  it('takes a reply that had arrived at its timeout', async () => {
    const { request, packets, publish } = bench();
    await request.start(publish);
    advance(1_000);
    request.onReply({ id: 7, response: 3, isDisposed: true });
    await pass(1_000);
    expect(packets).toEqual([{ err: undefined, response: 3, isDisposed: true }]);
  });

  it('goes on with a stream of which a reply had arrived at its timeout', async () => {
    const { request, packets, publish } = bench();
    await request.start(publish);
    advance(1_000);
    request.onReply({ id: 7, response: 1 });
    await pass(999);
    expect(packets).toHaveLength(1);
    await pass(1);
    expect(packets).toHaveLength(2);
  });

  it('waits longer, once, when the process was busy at its timeout', async () => {
    const { request, packets, publish } = bench();
    await request.start(publish);
    const timers = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 1_300);
    await pass(1_000);
    timers.mockRestore();
    expect(packets).toEqual([]);
    await pass(299);
    expect(packets).toEqual([]);
    await pass(1);
    expect(packets).toEqual([{ err: new RequestTimeoutError('sum', 1_000) }]);
  });

  it('fails at its timeout while the subscription is not acknowledged', async () => {
    const { request, calls, packets, publish } = bench({ opening: new Promise(() => undefined) });
    void request.start(publish);
    await pass(1_000);
    expect(packets).toEqual([{ err: new RequestTimeoutError('sum', 1_000) }]);
    expect(calls).toEqual(['open', 'unsent', 'remove 7']);
  });

  it('never fails with the timeout 0', async () => {
    const { request, packets, publish } = bench({ timeoutMs: 0 });
    await request.start(publish);
    await pass(1_000_000);
    expect([packets, vi.getTimerCount()]).toEqual([[], 0]);
  });

  it('waits for each reply of a stream as long as for the first', async () => {
    const { request, packets, publish } = bench();
    await request.start(publish);
    for (let i = 0; i < 3; i++) {
      await pass(999);
      request.onReply({ response: i });
    }
    expect(packets).toHaveLength(3);
    await pass(999);
    request.onArrival();
    await pass(999);
    expect(packets).toHaveLength(3);
    await pass(1);
    expect(packets).toHaveLength(4);
  });

  it.each([
    ['after a stream, for other responders', true, ['cancel 7', 'remove 7', 'close']],
    ['never after a single reply', false, ['remove 7', 'close']],
  ])('cancels %s', async (_, isStream, expected) => {
    const { request, calls, publish } = bench();
    await request.start(publish);
    if (isStream) request.onReply({ response: 1 });
    request.onReply({ isDisposed: true });
    expect(calls.slice(3)).toEqual(expected);
  });

  it('ends with the first error, and receives nothing more', async () => {
    const { request, packets, publish } = bench();
    await request.start(publish);
    request.onReply({ err: 'no' });
    request.onReply({ response: 1 });
    request.onFailure(new Error('closed'));
    expect(packets).toEqual([{ err: 'no', response: undefined, isDisposed: true }]);
  });

  it('fails when the message reached no subscriber', async () => {
    const { request, packets, publish, state } = bench();
    state.isUndelivered = true;
    await request.start(publish);
    expect(packets).toEqual([{ err: new NoSubscribersError('sum') }]);
  });

  it('says so when this process handles the other kind of the channel', async () => {
    const { request, packets, publish, state } = bench();
    Object.assign(state, { isUndelivered: true, mixUpHint: ': the handler is sharded' });
    await request.start(publish);
    expect(packets).toEqual([{ err: new NoSubscribersError('sum', ': the handler is sharded') }]);
  });

  it('fails with the error of the publish', async () => {
    const { request, packets } = bench();
    await request.start(() => Promise.reject(new Error('refused')));
    expect(packets).toEqual([{ err: new Error('refused') }]);
  });

  it('fails, and publishes nothing, while its replies could not arrive', async () => {
    const { request, calls, packets, publish, state } = bench();
    state.isSubscribed = false;
    await request.start(publish);
    expect(packets).toEqual([
      {
        err: new ConnectionError('Cannot send a request: its replies could not arrive yet ("sum")'),
      },
    ]);
    expect(calls).not.toContain('publish');
  });

  it('cancels once, and publishes nothing afterwards', async () => {
    let opened!: () => void;
    const opening = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const { request, calls, packets, publish } = bench({ opening });
    void request.start(publish);
    request.cancel();
    request.cancel();
    opened();
    await pass(0);
    expect([calls, packets]).toEqual([['open', 'unsent', 'remove 7', 'close'], []]);
  });

  it('sends a cancellation when it is cancelled after the publish', async () => {
    const { request, calls, publish } = bench();
    await request.start(publish);
    request.cancel();
    expect(calls.slice(3)).toEqual(['cancel 7', 'remove 7', 'close']);
  });
});
