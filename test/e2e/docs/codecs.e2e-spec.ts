import type { Type } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { msgpack } from 'nestjs-redis-pubsub/msgpack';
import { createClient } from '../../support/app.js';
import { startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';

describe('guide/codecs', () => {
  const redis = useRedis([]);

  it('receives bytes and dates with MessagePack', async () => {
    const page = loadPage('guide/codecs', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    const { AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts');
    const { log } = await startPageApp(AppModule);
    const client = createClient({ connection: redis.url, codec: msgpack() });
    const picture = { taken: new Date(Date.UTC(2026, 5)), thumbnail: Buffer.alloc(7) };
    expect(await firstValueFrom(client.emit('picture.1.added', picture))).toBe(1);
    await eventually(() => log.of('log').includes('7 bytes of 2026'));
  });
});
