import { ReplyError } from 'ioredis';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LatestFailure } from '../../../../src/broker/connection/latest-failure.js';

const refused = (): Error => new ReplyError('WRONGPASS invalid password') as Error;

const reset = new Error('read ECONNRESET');

describe('LatestFailure', () => {
  it('knows nothing before the first failure', () => {
    const failure = new LatestFailure();
    expect([failure.value, failure.error, failure.isOld]).toEqual([undefined, undefined, true]);
    expect(failure.isCauseOf(reset)).toBe(false);
  });

  it('keeps the failure of an earlier attempt until the next one fails', () => {
    const failure = new LatestFailure();
    failure.set(refused(), false);
    expect([failure.isOld, failure.isCauseOf(reset)]).toEqual([false, true]);
    failure.startAttempt();
    expect([failure.isOld, failure.isCauseOf(reset)]).toEqual([true, false]);
    expect(failure.value?.reason).toBe('WRONGPASS invalid password');
    failure.set(new Error('read ECONNRESET'), false);
    expect(failure.value?.reason).toBe('read ECONNRESET');
  });

  it('explains a close by what the socket of the attempt has shown, and not by that of an earlier one', () => {
    const failure = new LatestFailure();
    const socket = new Socket();
    failure.watchAttempt(socket);
    socket.emit('connect');
    failure.set(undefined, false);
    expect(failure.value?.reason).toContain('connected, and closed without an answer');
    failure.startAttempt();
    failure.set(undefined, false);
    expect(failure.value?.reason).toBe('the connection was closed before it was ready');
  });

  it('is the cause of what ioredis reports of its own commands in flight', () => {
    const failure = new LatestFailure();
    const inFlight = new Error("Stream isn't writeable and enableOfflineQueue options is false");
    expect(failure.isCauseOf(inFlight)).toBe(false);
    failure.set(reset, false);
    expect([failure.isCauseOf(inFlight), failure.isCauseOf(reset)]).toEqual([true, false]);
  });

  it('has no failure when the connection is ready', () => {
    const failure = new LatestFailure();
    failure.set(refused(), false);
    failure.clear();
    expect(failure.value).toBeUndefined();
  });
});
