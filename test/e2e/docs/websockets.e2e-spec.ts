import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import '@nestjs/platform-express';
import type { Socket } from 'socket.io-client';
import { describe, expect, it } from 'vitest';
import { RedisPubSubIoAdapter } from 'nestjs-redis-pubsub/socket.io';
import { captureLog, closeAfterTest } from '../../support/app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';

interface Page {
  readonly AppModule: Type;
  readonly NewsGateway: Type<{ publish(topic: string, text: string): void }>;
  readonly openTopic: (url: string, topic: string, load: () => void) => Socket;
}

describe('guide/websockets', () => {
  const redis = useRedis([]);

  it('passes news to the sockets of both instances, and loads again after a gap', async () => {
    const page = loadPage('guide/websockets', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    const { AppModule } = await page.import<Page>('src/app.module.ts');
    const { NewsGateway } = await page.import<Page>('src/news.gateway.ts');
    const { openTopic } = await page.import<Page>('src/client/open-topic.ts');
    const start = async () => {
      const log = captureLog();
      const app = await NestFactory.create(AppModule, { logger: log, forceCloseConnections: true });
      closeAfterTest(() => app.close());
      app.useWebSocketAdapter(new RedisPubSubIoAdapter(app));
      await app.listen(0, '127.0.0.1');
      return app;
    };
    const apps = [await start(), await start()];
    const news: unknown[] = [];
    const loads = [0, 0];
    for (const [i, app] of apps.entries()) {
      const socket = openTopic(await app.getUrl(), 'sport', () => void loads[i]!++);
      closeAfterTest(async () => void socket.close());
      socket.on('news', (it: unknown) => news.push(it));
    }
    await eventually(() => loads.every((count) => count === 1));
    apps[0]?.get(NewsGateway).publish('sport', 'won');
    await eventually(() => news.length === 2);
    expect(news).toEqual([
      { topic: 'sport', text: 'won' },
      { topic: 'sport', text: 'won' },
    ]);
    await redis.killConnections();
    await eventually(() => loads.every((count) => count > 1));
  });
});
