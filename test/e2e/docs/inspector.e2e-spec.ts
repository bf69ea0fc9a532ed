import type { Type } from '@nestjs/common';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { useRedis } from '../../support/redis.js';

describe('the page on the inspector', () => {
  const redis = useRedis();
  let AppModule: Type;
  beforeAll(async () => {
    const page = loadPage('operations/inspector', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
  });
  beforeEach(() => {
    process.env.ADMIN_PASSWORD = 'open sesame';
  });
  afterEach(() => {
    delete process.env.ADMIN_PASSWORD;
  });

  it('has a guard that asks for the password, and lets in who knows it', async () => {
    const { url } = await startPageApp(AppModule);
    const get = (path: string, password?: string): Promise<Response> => {
      const headers = password && { authorization: `Basic ${btoa(`admin:${password}`)}` };
      return fetch(`${url}${path}`, { headers: { ...headers } });
    };
    for (const path of ['/pubsub', '/pubsub/data']) {
      const refused = await get(path);
      expect(refused.status).toBe(401);
      expect(refused.headers.get('www-authenticate')).toBe('Basic realm="pubsub"');
      expect((await get(path, 'guess')).status).toBe(401);
      expect((await get(path, 'open sesame')).status).toBe(200);
    }
    expect((await get('/pubsub/messages?channel=a', 'open sesame')).status).toBe(404);
  });

  it('has a guard that needs a password', async () => {
    delete process.env.ADMIN_PASSWORD;
    await expect(startPageApp(AppModule)).rejects.toThrow('Set ADMIN_PASSWORD');
  });
});
