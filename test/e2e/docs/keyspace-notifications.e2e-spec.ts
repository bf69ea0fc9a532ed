import type { Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';

describe('guide/keyspace-notifications', () => {
  const redis = useRedis([]);

  it('logs each session that has expired', async () => {
    const page = loadPage('guide/keyspace-notifications', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    const { AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts');
    const { log } = await startPageApp(AppModule);
    await redis.client.set('session:42', 'ada', 'PX', 100);
    await redis.client.set('other:42', 'ada', 'PX', 1);
    await eventually(() => log.of('log').includes('Session 42 has ended'));
    expect(log.of('log').filter((line) => line.startsWith('Session'))).toHaveLength(1);
  });
});
