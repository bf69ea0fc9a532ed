import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WatchedConnection } from '../../../../src/broker/connection/connection.js';
import { MasterWatch } from '../../../../src/broker/sentinel/master-watch.js';

const INTERVAL = 3_000;
const HERE = ['10.0.0.1:6379'];
const ELSEWHERE = ['10.0.0.2:6379'];

const waitAnInterval = (): Promise<unknown> => vi.advanceTimersByTimeAsync(INTERVAL);

describe('a watch over connections to the master', () => {
  let answers: (string[] | undefined)[];
  let asked: number;
  let watched: WatchedConnection;
  let restarts: number;

  const watchOver = (remoteAddress: string): void => {
    const client = { stream: { remoteAddress, remotePort: 6379 } } as unknown as Redis;
    const watch = new MasterWatch({
      intervalMs: INTERVAL,
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
    answers = [HERE, HERE, HERE];
    watchOver('10.0.0.1');
  });
  afterEach(async () => {
    await watched.stop();
    vi.useRealTimers();
  });

  it('is content while every sentinel names the server', async () => {
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, 0]);
  });

  it('knows less for certain where a sentinel does not answer', async () => {
    answers = [HERE, undefined, HERE];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, 2_000]);
  });

  it('knows nothing new where none answers', async () => {
    answers = [undefined, undefined, undefined];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, INTERVAL]);
  });

  it('does not believe one sentinel alone, but is no longer certain', async () => {
    answers = [ELSEWHERE, HERE, HERE];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, INTERVAL]);
  });

  it('believes most of those who answer', async () => {
    answers = [ELSEWHERE, undefined, undefined];
    await waitAnInterval();
    answers = [ELSEWHERE, ELSEWHERE, HERE];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([2, 2 * INTERVAL]);
  });

  it('takes any address of a host name, and an IPv4 address in IPv6 for what it is', async () => {
    await watched.stop();
    watchOver('::ffff:10.0.0.1');
    answers = [['10.0.0.9:6379', ...HERE]];
    await waitAnInterval();
    expect([restarts, age()]).toEqual([0, 0]);
  });

  it('asks nobody when nothing is watched any more', async () => {
    await watched.stop();
    await waitAnInterval();
    expect(asked).toBe(0);
  });
});
