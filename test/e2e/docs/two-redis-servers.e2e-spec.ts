import type { INestApplication, Type } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeAfterTest, type TestLog } from '../../support/app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis, type TestRedis } from '../../support/redis.js';
import { startHttpApp, type Started } from '../module/apps.js';

const SHOP = 'shop: order 7 is paid';
const AUDIT = 'audit: order 7 is paid';

const pay = async (app: INestApplication): Promise<string> =>
  (await fetch(`${await app.getUrl()}/orders/7/pay`, { method: 'POST' })).text();

const count = (log: TestLog, line: string): number =>
  log.of('log').filter((it) => it === line).length;

/** The messages on the channel at one server, from now on. */
async function messagesAt(redis: TestRedis): Promise<string[]> {
  const messages: string[] = [];
  const subscriber = redis.client.duplicate();
  closeAfterTest(async () => subscriber.disconnect());
  subscriber.on('message', (_: string, text: string) => messages.push(text));
  await subscriber.subscribe('order.paid');
  return messages;
}

describe('the recipe "Two Redis servers"', () => {
  const shop = useRedis();
  const audit = useRedis();
  const { REDIS_URL, AUDIT_REDIS_URL } = process.env;
  let AppModule: Type;

  beforeAll(async () => {
    Object.assign(process.env, { REDIS_URL: shop.url, AUDIT_REDIS_URL: audit.url });
    const page = loadPage('recipes/two-redis-servers');
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
  });
  afterAll(() => {
    for (const [name, value] of Object.entries({ REDIS_URL, AUDIT_REDIS_URL })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const start = (): Promise<Started<INestApplication>> => startHttpApp({ imports: [AppModule] });

  it('publishes to each server, and runs the handlers of each once', async () => {
    const { app, log } = await start();
    await audit.subscribers('order.paid', 1);
    expect(await pay(app)).toBe('1');
    await eventually(() => count(log, SHOP) === 1 && count(log, AUDIT) === 1);

    const [atShop, atAudit] = [await messagesAt(shop), await messagesAt(audit)];
    expect(await pay(app)).toBe('2'); // the other one is the subscriber of this test
    await eventually(() => count(log, SHOP) === 2 && count(log, AUDIT) === 2);
    await eventually(() => atShop.length === 1 && atAudit.length === 1);
    expect(log.of('warn')).toEqual([]);
  });

  it('starts and goes on while the audit server is down, and hears it again', async () => {
    await audit.stop();
    const { app, log } = await start();
    expect(await pay(app)).toBe('1');
    await eventually(() => count(log, SHOP) === 1);
    expect(count(log, AUDIT)).toBe(0);

    await audit.start();
    await eventually(async () => {
      await pay(app);
      return count(log, AUDIT) > 0;
    });
  });
});
