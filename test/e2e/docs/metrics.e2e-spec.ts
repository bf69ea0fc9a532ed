import type { Type } from '@nestjs/common';
import { channel } from 'node:diagnostics_channel';
import { register } from 'prom-client';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startPageApp } from '../../support/page-app.js';
import { loadPage, readPage } from '../../support/pages.js';
import { parsePrometheusText } from '../../support/prometheus-text.js';
import { eventually, useRedis } from '../../support/redis.js';

const PAGE = readPage('docs/operations/metrics.md').text;
/** The lines of `/metrics` that the page shows. */
const [SHOWN = ''] = /^redis_pubsub_messages_published_total\{[^`]*/m.exec(PAGE) ?? [];

describe('the page on metrics', () => {
  const redis = useRedis();
  let AppModule: Type;
  beforeAll(async () => {
    const page = loadPage('operations/metrics', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
  });
  afterEach(() => {
    register.resetMetrics();
  });

  async function start() {
    const { app, url } = await startPageApp(AppModule);
    return {
      app,
      order: (id: string) => fetch(`${url}/orders/${id}`, { method: 'POST' }),
      scrape: async () => {
        const response = await fetch(`${url}/metrics`);
        expect(response.headers.get('content-type')).toContain('version=0.0.4');
        const text = await response.text();
        parsePrometheusText(text);
        return text.split('\n');
      },
    };
  }

  it('shows what its application counts', async () => {
    const { order, scrape } = await start();
    await order('1');
    await order('bad');
    const expected = SHOWN.trim().split('\n');
    expect(expected).toHaveLength(7);
    const handled = expected.filter((line) => line.includes('handled_total'));
    await eventually(async () => {
      const lines = await scrape();
      return handled.every((line) => lines.includes(line));
    });
    expect(await scrape()).toEqual(expect.arrayContaining(expected));
  });

  it('is right that a scrape is answered during an outage, which it counts', async () => {
    const { scrape } = await start();
    const labels = 'transport="redis-pubsub"';
    await redis.stop();
    await eventually(async () => (await scrape()).includes(`redis_pubsub_connected{${labels}} 0`));
    await redis.start();
    await eventually(async () => (await scrape()).includes(`redis_pubsub_connected{${labels}} 1`));
    const lines = await scrape();
    expect(lines).toContain(`redis_pubsub_gaps_total{${labels},channel="order.:id"} 1`);
    expect(lines).toContain(`redis_pubsub_reconnects_total{${labels},connection="subscriber"} 1`);
  });

  it('is right that nothing is counted after the application is closed', async () => {
    const { app } = await start();
    expect(channel('nestjs-redis-pubsub:reconnect').hasSubscribers).toBe(true);
    await app.close();
    expect(channel('nestjs-redis-pubsub:reconnect').hasSubscribers).toBe(false);
  });
});
