import type { Type } from '@nestjs/common';
import { channel } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadRecipe, startPageApp } from '../../support/page-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const PAGE = readFileSync('docs/recipes/metrics.md', 'utf8');
/** The lines of `/metrics` that the page shows. */
const [SHOWN = ''] = /^redis_pubsub_messages_published_total\{[^`]*/m.exec(PAGE) ?? [];

describe('recipes/metrics', () => {
  const redis = useRedis();
  let AppModule: Type;
  beforeAll(async () => {
    const page = loadRecipe('metrics', redis.url);
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
  });

  async function start() {
    const { app, url } = await startPageApp(AppModule);
    return {
      app,
      order: (id: string) => fetch(`${url}/orders/${id}`, { method: 'POST' }),
      scrape: async () => {
        const response = await fetch(`${url}/metrics`);
        expect(response.headers.get('content-type')).toContain('version=0.0.4');
        return (await response.text()).split('\n');
      },
    };
  }

  it('counts what the page shows', async () => {
    const { order, scrape } = await start();
    await order('1');
    await order('bad');
    const expected = SHOWN.trim().split('\n');
    expect(expected).toHaveLength(7);
    const failed = 'redis_pubsub_handle_seconds_count{topic="order",outcome="failed"} 1';
    await eventually(async () => (await scrape()).includes(failed));
    expect(await scrape()).toEqual(expect.arrayContaining(expected));
  });

  it('is answered during an outage, and counts it', async () => {
    const { scrape } = await start();
    await redis.stop();
    await eventually(async () => (await scrape()).includes('redis_pubsub_connected 0'));
    expect((await scrape()).some((line) => line.startsWith('redis_pubsub_subscribers{'))).toBe(
      false,
    );
    await redis.start();
    await eventually(async () => (await scrape()).includes('redis_pubsub_connected 1'));
    const lines = await scrape();
    expect(lines).toContain('redis_pubsub_gaps_total 1');
    expect(lines).toContain('redis_pubsub_reconnects_total{connection="subscriber"} 1');
    const seconds = lines.find((line) => line.startsWith('redis_pubsub_gap_seconds_total '));
    expect(Number(seconds?.split(' ')[1])).toBeGreaterThan(0);
  });

  it('listens to no telemetry after the application is closed', async () => {
    const { app } = await start();
    // The recipe for traces, which may run in the same process, listens to `handle` for good.
    expect(channel('nestjs-redis-pubsub:reconnect').hasSubscribers).toBe(true);
    await app.close();
    expect(channel('nestjs-redis-pubsub:reconnect').hasSubscribers).toBe(false);
  });
});
