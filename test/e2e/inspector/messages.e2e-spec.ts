import { describe, expect, it } from 'vitest';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import type { WatchedChannel } from '../../../src/inspector/page-data.js';
import { eventually, useRedis } from '../../support/redis.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';
import { dataOf, known, messagesOf, startInspected } from './inspected-app.js';

const MARKUP = '<script>alert(1)</script>';

/** Asks as a page does, until the answer is as expected. */
async function messagesWhere(
  url: string,
  channel: string,
  isTrue: (watched: WatchedChannel) => boolean,
  kind = 'channel',
): Promise<WatchedChannel> {
  let watched: WatchedChannel | undefined;
  await eventually(async () => {
    watched = await messagesOf(url, channel, kind);
    return isTrue(watched);
  });
  return watched as WatchedChannel;
}

const isSubscribed = ({ status }: WatchedChannel): boolean => status === 'subscribed';
const hasReceived = ({ received }: WatchedChannel): boolean => received > 0;

describe('the messages of a page', () => {
  const redis = useRedis();
  const start = async () => {
    const started = await startInspected(redis, { page: { messages: true } });
    return { ...started, service: started.app.get(RedisPubSubService) };
  };

  it('are off by default: nothing is observed', async () => {
    const { url } = await startInspected(redis);
    const response = await fetch(`${url}/pubsub/messages?channel=off`);
    expect(response.status).toBe(404);
    expect(await redis.client.pubsub('NUMSUB', 'off')).toEqual(['off', 0]);
  });

  it('are those of the chosen channel, the newest ones first, as text', async () => {
    const { url, service } = await start();
    const channel = `news.${MARKUP}`;
    await messagesWhere(url, channel, isSubscribed);
    await redis.subscribers(channel, 1);
    const sent = [MARKUP, { id: 1, text: MARKUP }, null, 5];
    for (const data of sent) await service.publish(channel, data);
    await service.publish('news.other', 'not here');

    const watched = await messagesWhere(url, channel, ({ received }) => received === 4);
    expect(watched.entries).toMatchObject(
      ['5', 'null', JSON.stringify(sent[1]), MARKUP].map((text) => ({
        kind: 'message',
        text,
        length: text.length,
        id: expect.any(String) as string,
      })),
    );
    expect(new Set(watched.entries.map(({ key }) => key)).size).toBe(4);
  });

  it('are observed once for all readers', async () => {
    const { url } = await start();
    await Promise.all([1, 2, 3].map(() => messagesOf(url, 'shared')));
    await messagesWhere(url, 'shared', isSubscribed);
    await redis.subscribers('shared', 1);
    expect(await redis.client.pubsub('NUMSUB', 'shared')).toEqual(['shared', 1]);
  });

  it('are bounded: the newest ones of a flood, and the beginning of a long payload', async () => {
    const { url, service } = await start();
    await messagesWhere(url, 'flood', isSubscribed);
    for (let i = 0; i < 1000; i++) void service.publish('flood', `${i} ${'x'.repeat(10_000)}`);
    const watched = await messagesWhere(url, 'flood', ({ received }) => received === 1000);
    expect(watched.entries).toHaveLength(50);
    expect(watched.entries[0]).toMatchObject({ length: 10_004 });
    expect(watched.entries[0]).toMatchObject({ text: expect.stringMatching(/^999 x{1996}$/) });
  });

  it('have the gap that an outage made', async () => {
    const { url, service } = await start();
    await messagesWhere(url, 'gaps', isSubscribed);
    await service.publish('gaps', 'before');
    await messagesWhere(url, 'gaps', ({ received }) => received === 1);
    await redis.killConnections();
    const watched = await messagesWhere(url, 'gaps', ({ entries }) => entries.length === 2);
    expect(watched.entries.map(({ kind }) => kind)).toEqual(['gap', 'message']);
  });

  it.each([
    ['', 'Expected a channel name, got an empty string'],
    ['_pubsub.a', 'reserved'],
    ['a'.repeat(131_073), 'Expected a channel name or pattern of at most'],
  ])('of %.20j are refused, with the reason', async (channel, reason) => {
    const { app } = await start();
    // A name of this length is too long for a URL.
    const { InspectorViews } = await import('../../../src/inspector/inspector-views.js');
    const views = app.get(InspectorViews, { strict: false });
    const watched = views.messages({ channel });
    expect(watched).toMatchObject({ status: 'failed', received: 0, entries: [] });
    expect(watched.error).toContain(reason);
  });

  it('are those of 20 channels at most', async () => {
    const { url } = await start();
    for (let i = 0; i < 20; i++) {
      expect((await messagesOf(url, `many.${i}`)).status).not.toBe('failed');
    }
    expect(await messagesOf(url, 'many.20')).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('20 channels are being shown already') as string,
    });
    expect((await messagesOf(url, 'many.7')).status).not.toBe('failed');
  });

  it.runIf(HAS_SHARDED)(`are those of a shard channel, too${IF_SHARDED}`, async () => {
    const { url, service } = await start();
    const sharded = { sharded: true };
    await service.subscribe('{cart}.1', () => {}, sharded);
    const { rows } = known((await dataOf(url, 'filter={cart}.1')).channels);
    expect(rows).toEqual([{ channel: '{cart}.1', kind: 'shard', subscribers: 1 }]);
    await messagesWhere(url, '{cart}.1', isSubscribed, 'shard');
    await messagesWhere(url, '{cart}.1', isSubscribed, 'channel');
    await service.publish('{cart}.1', 'sharded', sharded);
    const { entries } = await messagesWhere(url, '{cart}.1', hasReceived, 'shard');
    expect(entries).toMatchObject([{ text: 'sharded' }]);
    expect((await messagesOf(url, '{cart}.1', 'channel')).received).toBe(0);
  });
});
