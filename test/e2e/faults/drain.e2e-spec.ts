import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';

/** How many messages come each millisecond or so. */
const BURST = 20;
const SHUTDOWN_TIMEOUT = 10_000;

/** Handlers that take up to 20 ms, and what became of each message that they were given. */
class Work {
  readonly started: unknown[] = [];
  readonly ended = new Set<unknown>();

  readonly handle = async (data: unknown): Promise<void> => {
    this.started.push(data);
    await sleep(Number(data) % 20);
    this.ended.add(data);
  };

  get cut(): unknown[] {
    return this.started.filter((data) => !this.ended.has(data));
  }
}

describe('app.close() under load', () => {
  const redis = useRedis();

  /** Publishes from now on, until the function that it returns is called. */
  const flood = (channel: string): (() => Promise<number>) => {
    const stopping = new AbortController();
    let count = 0;
    const publishing = (async () => {
      while (!stopping.signal.aborted) {
        const burst = Array.from({ length: BURST }, () =>
          redis.client.publish(channel, String(count++)),
        );
        await Promise.all(burst);
        await sleep(1);
      }
      return count;
    })();
    return () => {
      stopping.abort();
      return publishing;
    };
  };

  it.each([
    ['handlers that are not bounded', {}],
    ['handlers that are bounded', { concurrency: 8 }],
    ['handlers that keep the order', { order: 'channel' } as const],
  ])(
    'cuts no message that a handler has started, and starts none later: %s',
    async (_, options) => {
      const work = new Work();
      const { app } = await startService(eventHandlers({ 'drain.*': work.handle }, options), {
        connection: redis.url,
        shutdownTimeout: SHUTDOWN_TIMEOUT,
      });
      const stop = flood('drain.ours');
      await eventually(() => work.ended.size > 200);
      const began = performance.now();
      await app.close();
      expect(performance.now() - began).toBeLessThan(SHUTDOWN_TIMEOUT);
      expect(work.cut).toEqual([]);
      const { length } = work.started;
      // Everything that was published meanwhile has long been on its way.
      const published = await stop();
      await redis.client.ping();
      expect(work.started).toHaveLength(length);
      expect(published).toBeGreaterThan(length);
    },
  );

  it('stays within shutdownTimeout, whatever the handlers do', async () => {
    let started = 0;
    const stuck = (): Promise<never> => {
      started++;
      return new Promise(() => undefined);
    };
    const { app, log } = await startService(eventHandlers({ 'drain.*': stuck }), {
      connection: redis.url,
      shutdownTimeout: 50,
    });
    const stop = flood('drain.stuck');
    await eventually(() => started > 200);
    await app.close();
    const atTheEnd = started;
    await stop();
    expect(started).toBe(atTheEnd);
    expect(log.of('warn')).toEqual([expect.stringContaining('handlers still running')]);
  });

  it('[built-in] cuts what its handlers have started', async () => {
    const work = new Work();
    const { app } = await startBuiltIn(eventHandlers({ 'drain.*': work.handle }), {
      port: redis.port,
      wildcards: true,
    });
    await redis.patterns(1);
    const stop = flood('drain.builtin');
    await eventually(() => work.ended.size > 200);
    await app.close();
    expect(work.cut).not.toEqual([]);
    await stop();
  });
});
