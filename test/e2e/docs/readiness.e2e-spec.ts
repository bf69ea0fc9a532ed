import type { Type } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadRecipe, startPageApp } from '../../support/page-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const PAGE = readFileSync('docs/recipes/readiness.md', 'utf8');
/** The answers that the page shows: with Redis, and without. */
const [UP, DOWN] = [...PAGE.matchAll(/```json\n(.*?)```/gs)].map(
  ([, text = '']) => JSON.parse(text) as unknown,
);

async function get(url: string) {
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

describe('recipes/readiness', () => {
  const redis = useRedis();
  let AppModule: Type;
  beforeAll(async () => {
    const page = loadRecipe('readiness', redis.url);
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
  });

  it('answers 200, during an outage 503, and 200 again, with the bodies that the page shows', async () => {
    const { url } = await startPageApp(AppModule);
    // It starts in the background.
    await eventually(async () => (await get(`${url}/ready`)).status === 200);
    expect((await get(`${url}/ready`)).body).toEqual(UP);
    await redis.stop();
    await eventually(async () => (await get(`${url}/ready`)).status === 503);
    expect((await get(`${url}/ready`)).body).toEqual(DOWN);
    expect((await get(`${url}/live`)).status).toBe(200);
    await redis.start();
    await eventually(async () => (await get(`${url}/ready`)).status === 200);
  });

  it('serves HTTP where Redis is down at the start', async () => {
    await redis.stop();
    const { url } = await startPageApp(AppModule);
    const { status, body } = await get(`${url}/ready`);
    expect(status).toBe(503);
    expect(body).toMatchObject({ error: { 'redis-pubsub': { connection: 'connecting' } } });
    expect((await get(`${url}/live`)).status).toBe(200);
    await redis.start();
    await eventually(async () => (await get(`${url}/ready`)).status === 200);
  });
});
