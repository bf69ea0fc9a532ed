import type { Type } from '@nestjs/common';
import { beforeAll, describe, expect, it } from 'vitest';
import { RedisPubSubService, type PubSubHistory } from 'nestjs-redis-pubsub';
import { closeAfterTest } from '../../support/app.js';
import { startPageApp } from '../../support/page-app.js';
import { loadPage } from '../../support/pages.js';
import { eventually, useRedis } from '../../support/redis.js';

interface Notifications {
  notify(user: string, text: string): Promise<number>;
  latest(user: string): Promise<PubSubHistory<{ text: string }>>;
  since(user: string, position: string): Promise<PubSubHistory<{ text: string }>>;
}

interface Mailbox {
  readonly texts: readonly string[];
  open(channel: string, load: () => Promise<string[]>): { unsubscribe(): void };
}

describe('guide/history-and-recovery', () => {
  const redis = useRedis();
  let AppModule: Type;
  let Notifications: Type<Notifications>;
  let Mailbox: new (pubsub: RedisPubSubService) => Mailbox;
  beforeAll(async () => {
    const page = loadPage('guide/history-and-recovery', (code) =>
      code.replaceAll('redis://localhost:6379', redis.url),
    );
    ({ AppModule } = await page.import<{ AppModule: Type }>('src/app.module.ts'));
    ({ Notifications } = await page.import<{ Notifications: Type<Notifications> }>(
      'src/notifications.ts',
    ));
    ({ Mailbox } = await page.import<{ Mailbox: typeof Mailbox }>('src/mailbox.ts'));
  });

  it('keeps the notifications of a user, and gives those since a position', async () => {
    const { app } = await startPageApp(AppModule);
    const notifications = app.get<Notifications>(Notifications);
    for (const text of ['one', 'two']) await notifications.notify('ada', text);
    const { messages, position } = await notifications.latest('ada');
    expect(messages.map(({ data }) => data.text)).toEqual(['one', 'two']);
    await notifications.notify('ada', 'three');
    await notifications.notify('bob', 'four');
    const since = await notifications.since('ada', String(position));
    expect(since.recovered).toBe(true);
    expect(since.messages.map(({ data }) => data.text)).toEqual(['three']);
  });

  it('recovers what a mailbox missed, without loading it again', async () => {
    const { app } = await startPageApp(AppModule);
    const notifications = app.get<Notifications>(Notifications);
    const mailbox = new Mailbox(app.get(RedisPubSubService));
    let loads = 0;
    const open = mailbox.open('user.eve.notifications', async () => [`load ${++loads}`]);
    closeAfterTest(async () => open.unsubscribe());
    await eventually(() => mailbox.texts.length === 1);
    await notifications.notify('eve', 'one');
    await eventually(() => mailbox.texts.length === 2);
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    for (const text of ['two', 'three']) await notifications.notify('eve', text);
    await eventually(() => mailbox.texts.length === 4);
    expect(mailbox.texts).toEqual(['load 1', 'one', 'two', 'three']);
  });
});
