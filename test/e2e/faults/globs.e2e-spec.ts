import { describe, expect, it } from 'vitest';
import { startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';

describe('channels and globs in one service', () => {
  const redis = useRedis();

  async function subscribed(channel: string): Promise<{ channel: number; globs: number }> {
    const [, count] = (await redis.client.pubsub('NUMSUB', channel)) as [string, number];
    return { channel: count, globs: Number(await redis.client.pubsub('NUMPAT')) };
  }

  it('are decided per pattern: SUBSCRIBE for a channel, PSUBSCRIBE for a glob', async () => {
    const heard: unknown[] = [];
    await startService(
      eventHandlers({
        'mix.flush': (_, channel) => heard.push(['channel', channel]),
        'mix.user.*': (_, channel) => heard.push(['glob', channel]),
      }),
      { connection: redis.url },
    );
    expect(await subscribed('mix.flush')).toEqual({ channel: 1, globs: 1 });
    expect(await redis.client.publish('mix.flush', '1')).toBe(1);
    expect(await redis.client.publish('mix.user.created', '1')).toBe(1);
    await eventually(() => heard.length >= 2);
    expect(heard).toEqual([
      ['channel', 'mix.flush'],
      ['glob', 'mix.user.created'],
    ]);
  });

  it('[built-in] a glob is silently never heard without `wildcards`', async () => {
    const heard: unknown[] = [];
    const { log } = await startBuiltIn(
      eventHandlers({ 'deaf.*': (_, channel) => heard.push(channel) }),
      { port: redis.port },
    );
    // The glob is subscribed as the name of a channel, and only this very channel is heard.
    await redis.subscribers('deaf.*', 1);
    expect(await redis.client.publish('deaf.created', '1')).toBe(0);
    await redis.client.publish('deaf.*', '1');
    await eventually(() => heard.length >= 1);
    expect(heard).toEqual(['deaf.*']);
    expect([...log.of('warn'), ...log.of('error')]).toEqual([]);
  });

  it('[built-in] `wildcards` makes a glob of every handler', async () => {
    await startBuiltIn(eventHandlers({ 'all.flush': () => {}, 'all.user.*': () => {} }), {
      port: redis.port,
      wildcards: true,
    });
    await redis.patterns(2);
    expect(await subscribed('all.flush')).toEqual({ channel: 0, globs: 2 });
  });
});
