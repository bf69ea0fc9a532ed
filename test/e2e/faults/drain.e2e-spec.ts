import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { Gate } from '../../support/gate.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { IN_MEMORY } from '../../support/in-memory.js';

/** The number of messages that are published about each millisecond. */
const BURST = 20;
/** Longer than the test may take. */
const SHUTDOWN_TIMEOUT_MS = 1_000_000;

/** A handler that takes up to 20 ms, with the messages that it started and ended. */
class Work {
  readonly started: unknown[] = [];
  readonly ended = new Set<unknown>();

  readonly handle = async (data: unknown): Promise<void> => {
    this.started.push(data);
    await sleep(Number(data) % 20);
    this.ended.add(data);
  };

  get interrupted(): unknown[] {
    return this.started.filter((data) => !this.ended.has(data));
  }
}

describe('app.close() under load', () => {
  const redis = useRedis();

  /** Publishes until the returned function is called. */
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
    ['handlers without a limit', {}],
    ['handlers with a limit', { concurrency: 8 }],
    ['handlers that keep the order', { order: 'channel' } as const],
  ])(
    'waits for each message that a handler has started, and starts no more: %s',
    async (_, options) => {
      const work = new Work();
      const { app } = await startService(eventHandlers({ 'drain.*': work.handle }, options), {
        connection: redis.url,
        shutdownTimeout: SHUTDOWN_TIMEOUT_MS,
      });
      const stop = flood('drain.ours');
      await eventually(() => work.ended.size > 200);
      await app.close();
      expect(work.interrupted).toEqual([]);
      const { length } = work.started;
      // Redis has sent everything that was published before this point.
      const published = await stop();
      await redis.client.ping();
      expect(work.started).toHaveLength(length);
      expect(published).toBeGreaterThan(length);
    },
  );

  it('resolves within shutdownTimeout when the handlers never end', async () => {
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

  it.skipIf(IN_MEMORY)(
    'counter-proof: the built-in transport (Transport.REDIS) does not wait for its handlers',
    async () => {
      const gate = new Gate();
      const counts = { started: 0, ended: 0 };
      const handle = async (): Promise<void> => {
        counts.started++;
        await gate.opened;
        counts.ended++;
      };
      const { app } = await startBuiltIn(eventHandlers({ 'drain.*': handle }), {
        port: redis.port,
        wildcards: true,
      });
      await redis.patterns(1);
      const stop = flood('drain.builtin');
      await eventually(() => counts.started > 200);
      await app.close();
      const { ended } = counts;
      gate.open();
      await stop();
      expect(ended).toBe(0);
    },
  );
});
