import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RedisPubSubService } from 'nestjs-redis-pubsub';
import { eventually } from '../support/redis.js';
import { StandaloneTopology } from '../support/faults/standalone-topology.js';
import { applicationConnections, killConnections } from './application-connections.js';
import { createChannels, startApplication, type TestApplication } from './application.js';
import { usedHeap } from './heap.js';
import { settings } from './settings.js';

const BATCH = 1_000;
/** In megabytes. A leak in each of a million cycles would need more. */
const MAX_GROWTH = 8;

describe('subscribing and unsubscribing over and over', () => {
  let redis: StandaloneTopology;
  let application: TestApplication;
  beforeAll(async () => {
    redis = await StandaloneTopology.start();
    application = await startApplication(redis, createChannels(redis));
  });
  afterAll(async () => {
    await application.close();
    await redis.stop();
  });

  it('the heap does not grow, although connections are lost', { timeout: 1_800_000 }, async () => {
    const batches = settings().cycles / BATCH;
    let heap = 0;
    for (let batch = 0; batch < batches; batch++) {
      const names = namesOf(batch);
      const observed = observe(application.service, names);
      if (batch % Math.ceil(batches / 10) === 0)
        await killConnections(await applicationConnections(redis));
      await observed.subscribed;
      observed.unsubscribe();
      if (batch === Math.floor(batches / 4)) heap = await heapAtRest();
    }
    expect((await heapAtRest()) - heap).toBeLessThan(MAX_GROWTH);
  });

  it('[counter-proof, without unsubscribing] the heap grows', async () => {
    const heap = await heapAtRest();
    const held = Array.from({ length: 30 }, (_, batch) =>
      observe(application.service, namesOf(2 * batch)),
    );
    await Promise.all(held.map(({ subscribed }) => subscribed));
    expect(usedHeap() - heap).toBeGreaterThan(MAX_GROWTH);
    for (const { unsubscribe } of held) unsubscribe();
  });

  /** The size of the heap when Redis has only the subscriptions of the application itself. */
  async function heapAtRest(): Promise<number> {
    const { literals } = redis.channelNames;
    const client = new Redis(redis.direct);
    let [channels, globs]: [string[], number] = [[], 0];
    await eventually(
      async () => {
        channels = (await client.pubsub('CHANNELS', 'chaos.*')) as string[];
        globs = Number(await client.pubsub('NUMPAT'));
        return channels.length === literals.length && globs === 1;
      },
      () =>
        `Redis has no subscription that has ended: ${channels.length} channels, ${channels[0]}, ${globs} globs`,
    );
    client.disconnect();
    return usedHeap();
  }
});

/** The channels of a batch: every other batch has new ones, the other batches share theirs. */
function namesOf(batch: number): string[] {
  const series = batch % 2 === 0 ? `new.${batch}` : 'same';
  return Array.from({ length: BATCH }, (_, i) => `chaos.cycle.${series}.${i}`);
}

function observe(service: RedisPubSubService, names: readonly string[]) {
  const observed = names.map((name) => {
    let subscription: { unsubscribe(): void } | undefined;
    const subscribed = new Promise<void>((resolve) => {
      subscription = service.observe(name, { onSubscribed: () => resolve() }).subscribe();
    });
    return { subscribed, unsubscribe: () => subscription?.unsubscribe() };
  });
  return {
    subscribed: Promise.all(observed.map((it) => it.subscribed)),
    unsubscribe: () => observed.forEach(({ unsubscribe }) => unsubscribe()),
  };
}
