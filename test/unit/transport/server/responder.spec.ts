import { setImmediate } from 'node:timers/promises';
import { NEVER, Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RateLimitedLog } from '../../../../src/shared/rate-limited-log.js';
import { CommandRefusedError, ConnectionError, PayloadError } from '../../../../src/errors.js';
import { Responder } from '../../../../src/transport/server/responder.js';

describe('a stream of replies', () => {
  let values: Subject<number>;
  let sent: unknown[];
  /** What becomes of the replies from now on: so many receivers, or an error. */
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

  const say = async (value: number, becomes: number | Error = 1): Promise<void> => {
    outcome = becomes;
    values.next(value);
    await setImmediate();
  };

  it('goes on after a reply whose connection was lost', async () => {
    await say(1, new ConnectionError('lost'));
    await say(2);
    values.complete();
    await ended;
    expect(sent).toEqual([
      { response: 1, id: 1 },
      { response: 2, id: 1 },
      { isDisposed: true, id: 1 },
    ]);
  });

  it.each(['', 0, null, undefined, false])(
    'that fails with %j ends with an error',
    async (error) => {
      values.error(error);
      await ended;
      const err = { status: 'error', message: 'Internal server error' };
      expect(sent).toEqual([{ err, isDisposed: true, id: 1 }]);
    },
  );

  it('goes on after a reply that nobody heard: whoever asked may be reconnecting', async () => {
    await say(1, 0);
    await say(2);
    await say(3, 0);
    expect(values.observed).toBe(true);
  });

  it('ends without a last word when nobody has heard any for five seconds', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await say(1, 0);
    vi.advanceTimersByTime(4_999);
    await say(2, 0);
    expect(values.observed).toBe(true);
    vi.advanceTimersByTime(1);
    await say(3, 0);
    expect(values.observed).toBe(false);
    await ended;
    // It would be taken for the end of all.
    expect(sent).toHaveLength(3);
  });

  it('counts from the first reply that nobody heard since one was', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await say(1, 0);
    vi.advanceTimersByTime(5_000);
    await say(2);
    await say(3, 0);
    expect(values.observed).toBe(true);
  });

  it.each([
    ['Redis refuses', () => new CommandRefusedError('publish', 'inbox', new Error('NOPERM')), 1],
    ['cannot be encoded', () => new PayloadError('too large'), 2],
  ])('ends after a reply that %s, and says no more than that', async (_, failure, count) => {
    await say(1, failure());
    expect(values.observed).toBe(false);
    await ended;
    expect(sent).toHaveLength(count);
    expect(sent).not.toContainEqual({ isDisposed: true, id: 1 });
  });
});
