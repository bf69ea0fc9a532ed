import type { INestApplication, Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import type { AsyncApiDocument } from 'nestjs-redis-pubsub/asyncapi';
import { startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { parseAsyncApi } from '../../support/parse-asyncapi.js';
import { useRedis } from '../../support/redis.js';

describe('guide/asyncapi', () => {
  const redis = useRedis([]);

  it('makes a document that AsyncAPI takes', async () => {
    const page = loadPage('guide/asyncapi', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    const { AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts');
    const { documentOf } = await page.import<{
      documentOf: (app: INestApplication) => AsyncApiDocument;
    }>('src/document.ts');
    const { app } = await startPageApp(AppModule);
    const document = documentOf(app);
    expect((await parseAsyncApi(document)).problems).toEqual([]);
    expect(Object.keys(document.operations)).toEqual([
      'receive.price.sku.get.request',
      'receive.user.id.created.event',
      'send.user.id.created.event',
    ]);
  });
});
