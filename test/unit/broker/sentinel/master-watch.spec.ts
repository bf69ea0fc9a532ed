import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WatchedConnection } from '../../../../src/broker/connection/server-watch.js';
import { MasterWatch } from '../../../../src/broker/sentinel/master-watch.js';

const INTERVAL_MS = 3_000;
const CONNECTED = ['10.0.0.1:6379'];
const OTHER = ['10.0.0.2:6379'];

const waitAnInterval = (): Promise<unknown> => vi.advanceTimersByTimeAsync(INTERVAL_MS);

describe('MasterWatch', () => {
  let answers: (string[] | undefined)[];
  let asked: number;
  let watched: WatchedConnection;
  let restarts: number;

  const watchOver = (remoteAddress: string): void => {
    const client = { stream: { remoteAddress, remotePort: 6379 } } as unknown as Redis;
    const watch = new MasterWatch({
      intervalMs: INTERVAL_MS,
      ask: async () => {
        asked++;
        return answers;
      },
    });
    watched = watch.watch(client, () => restarts++);
  };
  const age = (): number => Date.now() - watched.lastConfirmed.getTime();

  beforeEach(() => {
    vi.useFakeTimers();
    asked = restarts = 0;
    answers = [CONNECTED, CONNECTED, CONNECTED];
    watchOver('10.0.0.1');
  });
  afterEach(async () => {
    await watched.stop();
    vi.useRealTimers();
  });

  it('confirms the server while every sentinel names it', async () => {
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, 0]);
  });

  it('confirms an earlier time when a sentinel does not answer', async () => {
    answers = [CONNECTED, undefined, CONNECTED];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, 2_000]);
  });

  it('confirms nothing when no sentinel answers', async () => {
    answers = [undefined, undefined, undefined];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, INTERVAL_MS]);
  });

  it('does not restart for one sentinel of three, and confirms nothing', async () => {
    answers = [OTHER, CONNECTED, CONNECTED];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, INTERVAL_MS]);
  });

  it('restarts when most of the sentinels that answer name another server', async () => {
    answers = [OTHER, undefined, undefined];
    await waitAnInterval();
    answers = [OTHER, OTHER, CONNECTED];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([2, 2 * INTERVAL_MS]);
  });

  it('accepts any address of a host name, and an IPv4 address in its IPv6 form', async () => {
    await watched.stop();
    watchOver('::ffff:10.0.0.1');
    answers = [['10.0.0.9:6379', ...CONNECTED]];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, 0]);
  });

  it('asks no sentinel after the last connection is stopped', async () => {
    await watched.stop();
    await waitAnInterval();
    expect(asked).toBe(0);
  });
});
