import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InMemoryRedis, type RedisFaults } from 'nestjs-redis-pubsub/testing';
import { closeAll } from '../support/app.js';
import { cacheFaultsSuite, startCaches, type CacheRedis } from './cache-faults.suite.js';

/** Lets a server in memory answer: it does so in later turns of the event loop. */
async function answers(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await setImmediate();
}

function createInMemory(): CacheRedis {
  const redis = new InMemoryRedis();
  return {
    connection: redis,
    direct: redis,
    faults: redis,
    publish: (channel, data) => redis.publish(channel, data),
    pass: async (ms) => {
      await vi.advanceTimersByTimeAsync(ms);
      await answers();
    },
  };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout'] }));
afterEach(() => void vi.useRealTimers());

cacheFaultsSuite('an in-memory Redis', async () => createInMemory());

describe('a local cache in memory', () => {
  const actions: Record<string, (faults: RedisFaults) => void> = {
    cut: (faults) => faults.cut(),
    deafen: (faults) => faults.deafen(),
    hold: (faults) => faults.delay(Infinity),
    delay: (faults) => faults.delay(300),
    refuse: (faults) => faults.refuse('SUBSCRIBE'),
    restore: (faults) => faults.restore(),
  };
  const step = fc.oneof(
    fc.record({ action: fc.constantFrom(...Object.keys(actions), 'write', 'write') }),
    fc.record({ action: fc.constant('pass'), ms: fc.integer({ min: 0, max: 900 }) }),
  );

  it('never reads a value older than the bound, in any order of faults and writes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const caches = await startCaches(createInMemory());
        const { cache, database, faults, pass, read } = caches;
        const commits = [0];
        for (const { action, ...more } of steps) {
          if (action === 'pass') await pass('ms' in more ? more.ms : 0);
          else if (action === 'write') {
            await caches.write();
            commits[database.version] = performance.now();
          } else actions[action]?.(faults);
          await answers();
          const startedAt = performance.now();
          const needed = commits.findLastIndex((at) => at + cache.maxStaleness + 1 < startedAt);
          expect(await read()).toBeGreaterThanOrEqual(needed);
        }
        await closeAll();
      }),
      { numRuns: 60 },
    );
  });
});
