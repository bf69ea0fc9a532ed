import type { Type } from '@nestjs/common';
import { beforeAll, describe, expect, it } from 'vitest';
import { openStream, reloads } from '../../support/event-stream.js';
import { loadRecipe, sendJson, startPageApp } from '../../support/page-app.js';
import { eventually, useRedis } from '../../support/redis.js';

const notify = (url: string, text: string, user = 'ada') =>
  sendJson(`${url}/users/${user}/notifications`, 'POST', { text });

describe('recipes/sse-notifications', () => {
  const redis = useRedis();
  let AppModule: Type;
  beforeAll(async () => {
    const page = loadRecipe('sse-notifications', redis.url);
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
  });

  it('sends "reload" first, then each notification of this user, from any instance', async () => {
    const [one, other] = [await startPageApp(AppModule), await startPageApp(AppModule)];
    const stream = await openStream(`${one.url}/users/ada/stream`);
    await eventually(() => stream.text.includes('event: reload\nid: 1\ndata: {}\n\n'));
    await notify(other.url, 'for Bob', 'bob');
    const added = await (await notify(other.url, 'Hello')).text();
    await eventually(() => stream.text.includes(`event: notification\nid: 2\ndata: ${added}\n\n`));
    expect(stream.text).not.toContain('Bob');
  });

  it('sends "reload" again after an outage; the list then has what was published in it', async () => {
    const { url } = await startPageApp(AppModule);
    const stream = await openStream(`${url}/users/ada/stream`);
    await eventually(() => reloads(stream) === 1);
    await redis.stop();
    expect((await notify(url, 'During the outage')).status).toBe(201);
    await redis.start();
    await eventually(() => reloads(stream) === 2);
    const list = await (await fetch(`${url}/users/ada/notifications`)).json();
    expect(list).toMatchObject([{ text: 'During the outage' }]);
  });

  it('ends the stream when the instance stops', async () => {
    const { app, url } = await startPageApp(AppModule);
    const stream = await openStream(`${url}/users/ada/stream`);
    await eventually(() => reloads(stream) === 1);
    expect(stream.hasEnded).toBe(false);
    await app.close();
    await eventually(() => stream.hasEnded);
  });

  it('refuses the id of a user that would name another channel', async () => {
    const { url } = await startPageApp(AppModule);
    expect((await openStream(`${url}/users/a.b/stream`)).response.status).toBe(400);
    expect((await notify(url, 'Hello', 'a.b')).status).toBe(400);
  });
});
