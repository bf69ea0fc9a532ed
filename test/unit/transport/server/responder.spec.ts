import { setImmediate } from 'node:timers/promises';
import { NEVER, Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RateLimitedLog } from '../../../../src/shared/rate-limited-log.js';
import { CommandRefusedError, ConnectionError, PayloadError } from '../../../../src/errors.js';
import { Responder } from '../../../../src/transport/server/responder.js';

describe('Responder#stream', () => {
  let values: Subject<number>;
  let sent: unknown[];
  /** The outcome of the next replies: the number of receivers, or an error. */
  let outcome: number | Error;
  let ended: Promise<unknown>;

  beforeEach(() => {
    values = new Subject();
    sent = [];
    outcome = 1;
    const bus = {
      isUndelivered: (receivers: number) => receivers === 0,
      reply: async (_: string, __: boolean, createReply: () => object) => {
        sent.push({ ...createReply() });
        if (typeof outcome === 'number') return outcome;
        throw outcome;
      },
    };
    const failures = new RateLimitedLog(
      () => undefined,
      () => '',
    );
    const request = { id: 1, replyTo: 'inbox', kind: 'channel' } as const;
    const responder = new Responder(bus as never, failures, undefined, request);
    ended = responder.stream(values, NEVER, false);
  });
  afterEach(() => vi.useRealTimers());

  const emit = async (value: number, becomes: number | Error = 1): Promise<void> => {
    outcome = becomes;
    values.next(value);
    await setImmediate();
  };

  it('continues after a reply whose connection was lost', async () => {
    await emit(1, new ConnectionError('lost'));
    await emit(2);
    values.complete();
    await ended;
    expect(sent).toEqual([
      { response: 1, id: 1 },
      { response: 2, id: 1 },
      { isDisposed: true, id: 1 },
    ]);
  });

  it.each(['', 0, null, undefined, false])(
    'sends an error when it fails with %j',
    async (error) => {
      values.error(error);
      await ended;
      const err = { status: 'error', message: 'Internal server error' };
      expect(sent).toEqual([{ err, isDisposed: true, id: 1 }]);
    },
  );

  it('continues after a reply without a receiver, as the client may be reconnecting', async () => {
    await emit(1, 0);
    await emit(2);
    await emit(3, 0);
    expect(values.observed).toBe(true);
  });

  it('ends without a final reply after five seconds without a receiver', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await emit(1, 0);
    vi.advanceTimersByTime(4_999);
    await emit(2, 0);
    expect(values.observed).toBe(true);
    vi.advanceTimersByTime(1);
    await emit(3, 0);
    expect(values.observed).toBe(false);
    await ended;
    // The client would take a final reply for the end of a complete stream.
    expect(sent).toHaveLength(3);
  });

  it('counts the five seconds from the first reply without a receiver', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await emit(1, 0);
    vi.advanceTimersByTime(5_000);
    await emit(2);
    await emit(3, 0);
    expect(values.observed).toBe(true);
  });

  it.each([
    ['Redis refuses', () => new CommandRefusedError('publish', 'inbox', new Error('NOPERM')), 1],
    ['cannot be encoded', () => new PayloadError('too large'), 2],
  ])('ends after a reply that %s, without a final reply', async (_, failure, count) => {
    await emit(1, failure());
    expect(values.observed).toBe(false);
    await ended;
    expect(sent).toHaveLength(count);
    expect(sent).not.toContainEqual({ isDisposed: true, id: 1 });
  });
});
