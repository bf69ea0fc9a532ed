import { describe, expect, it } from 'vitest';
import { startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { IN_MEMORY } from '../../support/in-memory.js';

describe('channels and globs in one service', () => {
  const redis = useRedis();

  async function subscribed(channel: string): Promise<{ channel: number; globs: number }> {
    const [, count] = (await redis.client.pubsub('NUMSUB', channel)) as [string, number];
    return { channel: count, globs: Number(await redis.client.pubsub('NUMPAT')) };
  }

  it('are subscribed with SUBSCRIBE for a channel and PSUBSCRIBE for a glob', async () => {
    const received: unknown[] = [];
    await startService(
      eventHandlers({
        'mix.flush': (_, channel) => received.push(['channel', channel]),
        'mix.user.*': (_, channel) => received.push(['glob', channel]),
      }),
      { connection: redis.url },
    );
    expect(await subscribed('mix.flush')).toEqual({ channel: 1, globs: 1 });
    expect(await redis.client.publish('mix.flush', '1')).toBe(1);
    expect(await redis.client.publish('mix.user.created', '1')).toBe(1);
    await eventually(() => received.length >= 2);
    expect(received).toEqual([
      ['channel', 'mix.flush'],
      ['glob', 'mix.user.created'],
    ]);
  });

  it.skipIf(IN_MEMORY)(
    'counter-proof: the built-in transport (Transport.REDIS) never delivers to a glob without `wildcards`, and logs nothing',
    async () => {
      const received: unknown[] = [];
      const { log } = await startBuiltIn(
        eventHandlers({ 'literal.*': (_, channel) => received.push(channel) }),
        { port: redis.port },
      );
      // SUBSCRIBE takes the glob as the name of a channel, so that only this channel is received.
      await redis.subscribers('literal.*', 1);
      expect(await redis.client.publish('literal.created', '1')).toBe(0);
      await redis.client.publish('literal.*', '1');
      await eventually(() => received.length >= 1);
      expect(received).toEqual(['literal.*']);
      expect([...log.of('warn'), ...log.of('error')]).toEqual([]);
    },
  );

  it.skipIf(IN_MEMORY)(
    'counter-proof: the built-in transport (Transport.REDIS) with `wildcards` subscribes to every handler with PSUBSCRIBE',
    async () => {
      await startBuiltIn(eventHandlers({ 'all.flush': () => {}, 'all.user.*': () => {} }), {
        port: redis.port,
        wildcards: true,
      });
      await redis.patterns(2);
      expect(await subscribed('all.flush')).toEqual({ channel: 0, globs: 2 });
    },
  );
});
