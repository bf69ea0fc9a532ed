import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RedisPubSubService } from 'nestjs-redis-pubsub';
import { usedHeap } from './heap.js';
import { settings } from './settings.js';
import { Standalone } from './standalone.js';
import { createLanes, startSubject, type Subject } from './subject.js';
import { killConnections, subjectConnections } from './topology.js';
import { until } from './until.js';

const BATCH = 1_000;
/** In megabytes; what is held for one cycle in a million would be more. */
const GROWTH = 8;

describe('subscribing and unsubscribing over and over', () => {
  let redis: Standalone;
  let subject: Subject;
  beforeAll(async () => {
    redis = await Standalone.start();
    subject = await startSubject(redis, createLanes(redis));
  });
  afterAll(async () => {
    await subject.close();
    await redis.stop();
  });

  it(
    'needs no more memory, though connections are lost meanwhile',
    { timeout: 1_800_000 },
    async () => {
      const batches = settings().cycles / BATCH;
      let heap = 0;
      for (let batch = 0; batch < batches; batch++) {
        const names = namesOf(batch);
        const ends = observe(subject.service, names);
        if (batch % Math.ceil(batches / 10) === 0)
          await killConnections(await subjectConnections(redis));
        await ends.acknowledged;
        ends.unsubscribe();
        if (batch === Math.floor(batches / 4)) heap = await heapAtRest();
      }
      expect((await heapAtRest()) - heap).toBeLessThan(GROWTH);
    },
  );

  it('[without unsubscribing] needs more memory: the measure shows it', async () => {
    const heap = await heapAtRest();
    const held = Array.from({ length: 30 }, (_, batch) =>
      observe(subject.service, namesOf(2 * batch)),
    );
    await Promise.all(held.map(({ acknowledged }) => acknowledged));
    expect(usedHeap() - heap).toBeGreaterThan(GROWTH);
    for (const { unsubscribe } of held) unsubscribe();
  });

  /** When Redis knows of nothing but the handlers and observers that stay. */
  async function heapAtRest(): Promise<number> {
    const { literals } = redis.channels;
    const looking = new Redis(redis.direct);
    let [channels, globs]: [string[], number] = [[], 0];
    await until(
      () =>
        `Redis has forgotten what has ended: ${channels.length} channels, ${channels[0]}, ${globs} globs`,
      async () => {
        channels = (await looking.pubsub('CHANNELS', 'chaos.*')) as string[];
        globs = Number(await looking.pubsub('NUMPAT'));
        return channels.length === literals.length && globs === 1;
      },
    );
    looking.disconnect();
    return usedHeap();
  }
});

/** Channels of a batch: every other batch has new ones, the rest have the same over and over. */
function namesOf(batch: number): string[] {
  const series = batch % 2 === 0 ? `new.${batch}` : 'same';
  return Array.from({ length: BATCH }, (_, i) => `chaos.cycle.${series}.${i}`);
}

function observe(service: RedisPubSubService, names: readonly string[]) {
  const observed = names.map((name) => {
    let subscription: { unsubscribe(): void } | undefined;
    const acknowledged = new Promise<void>((resolve) => {
      subscription = service.observe(name, { onSubscribed: () => resolve() }).subscribe();
    });
    return { acknowledged, unsubscribe: () => subscription?.unsubscribe() };
  });
  return {
    acknowledged: Promise.all(observed.map(({ acknowledged }) => acknowledged)),
    unsubscribe: () => observed.forEach(({ unsubscribe }) => unsubscribe()),
  };
}
