import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ReadyWait,
  unreadyReason,
  type ReadyWaitOptions,
} from '../../../../src/broker/connection/ready-wait.js';
import { FakeClient, pass, useFakeClock, useRealClock } from '../fake-client.js';

const CONNECTED = { remotePort: 6379, bytesRead: 0 };

describe('ReadyWait', () => {
  let client: FakeClient;
  beforeEach(() => {
    useFakeClock();
    client = new FakeClient();
    client.on('error', () => undefined);
    client.startAttempt();
  });
  afterEach(useRealClock);

  /** Waits, and keeps the outcome: `undefined` while there is none. */
  function waitFor(timeoutMs: number, options: Partial<ReadyWaitOptions> = {}) {
    const wait = new ReadyWait(client.redis, {
      timeoutMs,
      hasEnded: () => false,
      isHopeless: () => false,
      mayOpenSocketLater: false,
      ...options,
    });
    const result: { wait: ReadyWait; isReady: boolean | undefined } = { wait, isReady: undefined };
    void wait.outcome.then((isReady) => {
      result.isReady = isReady;
    });
    return result;
  }

  it('resolves to true when the client is ready, and leaves no listener and no timer', async () => {
    const result = waitFor(1_000);
    await pass(999);
    expect(result.isReady).toBeUndefined();
    client.becomeReady();
    await pass(0);
    expect(result.isReady).toBe(true);
    expect(client.eventNames()).toEqual(['error']);
    expect(client.listenerCount('error')).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('resolves to false at the timeout', async () => {
    const result = waitFor(1_000);
    await pass(999);
    expect(result.isReady).toBeUndefined();
    await pass(1);
    expect(result.isReady).toBe(false);
    expect(client.listenerCount('ready')).toBe(0);
  });

  it('resolves to false when it is cancelled', async () => {
    const result = waitFor(1_000);
    result.wait.cancel();
    await pass(0);
    expect(result.isReady).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    [0, false],
    [1_000, undefined],
  ])('with a timeout of %i ms is %j after a lost attempt', async (timeoutMs, isReady) => {
    const result = waitFor(timeoutMs);
    client.lose();
    await pass(0);
    expect(result.isReady).toBe(isReady);
  });

  it.each([
    [0, 'connecting', false],
    [0, 'connect', undefined],
    [1_000, 'connecting', undefined],
  ])(
    'with a timeout of %i ms is after an error at "%s": %j',
    async (timeoutMs, status, isReady) => {
      const result = waitFor(timeoutMs);
      client.status = status;
      client.emit('error', new Error('no'));
      await pass(0);
      expect(result.isReady).toBe(isReady);
    },
  );

  it.each([
    [true, false],
    [false, undefined],
  ])('with isHopeless %j is after a lost attempt: %j', async (isHopeless, isReady) => {
    const result = waitFor(1_000, { isHopeless: () => isHopeless });
    client.lose();
    await pass(0);
    expect(result.isReady).toBe(isReady);
  });

  it.each([
    ['that had a socket', true, {}, undefined],
    ['that had a socket, the last one', true, { hasEnded: () => true }, false],
    ['without a socket', false, {}, false],
    ['without a socket that may have one later', false, { mayOpenSocketLater: true }, undefined],
    ['without a socket, the only one', false, { timeoutMs: 0, mayOpenSocketLater: true }, false],
  ])('is after the end of an attempt %s: %j', async (_, hadSocket, options, isReady) => {
    const result = waitFor(1_000, options);
    if (hadSocket) client.emit('close');
    client.end();
    await pass(0);
    expect(result.isReady).toBe(isReady);
  });
});

describe('unreadyReason', () => {
  it.each([
    ['wait', undefined, 'no attempt to connect has ended within 50 ms'],
    ['connecting', undefined, 'no attempt to connect has ended within 50 ms'],
    ['connecting', { encrypted: true }, 'no attempt to connect has ended within 50 ms'],
    ['connecting', CONNECTED, 'no attempt to connect has ended within 50 ms'],
    [
      'connecting',
      { ...CONNECTED, encrypted: true },
      'connected, but the TLS handshake has not ended within 50 ms; check whether this port expects TLS',
    ],
    ['connect', CONNECTED, 'connected, but no answer to the first command within 50 ms'],
    ['connect', { ...CONNECTED, bytesRead: 1 }, 'connected, but not ready within 50 ms'],
    ['end', undefined, 'the connection has ended'],
  ])('says at "%s" with %o how far the attempt got', (status, stream, reason) => {
    expect(unreadyReason({ status, stream } as unknown as Redis, 50)).toBe(reason);
  });
});
