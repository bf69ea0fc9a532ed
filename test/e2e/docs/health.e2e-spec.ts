import { Module, type Type } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { RedisPubSubModule } from 'nestjs-redis-pubsub';
import { startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';

const PAGE = readFileSync('docs/operations/health.md', 'utf8');
const DATE = /"\d{4}-\d\d-\d\dT[\d:.]+Z"/g;

/** Puts a word in the place of each date, which every run has others of. */
const withoutDates = (json: string): unknown => JSON.parse(json.replaceAll(DATE, '"a date"'));

/** The answers that the page shows: with Redis, and without. */
const [UP, DOWN] = [...PAGE.matchAll(/```json\n(.*?)```/gs)].map(([, text = '']) =>
  withoutDates(text),
);

async function get(url: string) {
  const response = await fetch(url);
  return { status: response.status, body: withoutDates(await response.text()) };
}

describe('operations/health', () => {
  const redis = useRedis();
  const audit = useRedis();
  let AppModule: Type;
  let AuditModule: Type;
  let BothController: Type;
  beforeAll(async () => {
    const page = loadPage('operations/health', (code) =>
      code
        .replaceAll('redis://localhost:6379', redis.url)
        .replaceAll('redis://localhost:6380', audit.url),
    );
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
    ({ AuditModule } = await page.import<{ AuditModule: Type }>('src/audit.module.ts'));
    ({ BothController } = await page.import<{ BothController: Type }>('src/both.controller.ts'));
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

  it('reports two modules by their keys, and tolerates an outage of the one with a grace', async () => {
    const { url } = await startPageApp(
      class Both {
        static {
          Module({
            imports: [
              TerminusModule,
              RedisPubSubModule.forRoot({ connection: redis.url }),
              AuditModule,
            ],
            controllers: [BothController],
          })(this);
        }
      },
    );
    const ready = `${url}/ready/both`;
    await eventually(async () => (await get(ready)).status === 200);
    await audit.stop();
    await eventually(async () => JSON.stringify(await get(ready)).includes('"impaired":true'));
    expect(await get(ready)).toMatchObject({
      status: 200,
      body: {
        info: {
          'shop-redis': { status: 'up', connection: 'connected' },
          'audit-redis': { status: 'up', connection: 'reconnecting', impaired: true },
        },
      },
    });
    await audit.start();
  });
});
