import { describe, expect, it, onTestFinished } from 'vitest';
import { startService } from '../../support/app.js';
import { spawnBuiltIn } from '../../support/built-in.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';

describe('when Redis refuses a subscription (ACL)', () => {
  const redis = useRedis();

  async function allow(username: string, ...channels: string[]): Promise<void> {
    const rules = channels.map((channel) => `&${channel}`);
    await redis.client.acl('SETUSER', username, 'on', '>pw', '+@all', 'resetchannels', ...rules);
  }

  const userOf = (username: string) => ({
    host: '127.0.0.1',
    port: redis.port,
    username,
    password: 'pw',
  });

  async function connectionsOf(username: string): Promise<number> {
    const list = String(await redis.client.client('LIST'));
    return list.split('\n').filter((line) => line.includes(` user=${username} `)).length;
  }

  describe('at the start', () => {
    it.each(['secret.plans', 'secret.*'])(
      'listen() rejects with an error that names %s, and leaves no connection open',
      async (pattern) => {
        await allow('start-ours', 'open.*');
        const starting = startService(eventHandlers({ 'open.a': () => {}, [pattern]: () => {} }), {
          connection: userOf('start-ours'),
        });
        await expect(starting).rejects.toMatchObject({
          code: 'ERR_PUBSUB_SUBSCRIBE',
          message: expect.stringContaining(`"${pattern}"`) as string,
          cause: { message: expect.stringContaining('NOPERM') as string },
        });
        await eventually(async () => (await connectionsOf('start-ours')) === 0);
        expect(await redis.client.pubsub('NUMSUB', 'open.a')).toEqual(['open.a', 0]);
      },
    );

    it('counter-proof: the built-in transport (Transport.REDIS) resolves listen(), then an unhandled rejection ends the process', async () => {
      await allow('start-built-in', 'open.*');
      const service = spawnBuiltIn(userOf('start-built-in'), ['open.b', 'secret.plans']);
      expect(await service.started).toBe('listening');
      const { code, output } = await service.exited;
      expect(code).toBe(1);
      expect(output).toContain('NOPERM');
    });
  });

  describe('after a reconnection', () => {
    it('is logged once and subscribed again with the permission; other channels are subscribed at once', async () => {
      const unhandled: unknown[] = [];
      const onUnhandled = (error: unknown): void => void unhandled.push(error);
      process.on('unhandledRejection', onUnhandled);
      onTestFinished(() => void process.off('unhandledRejection', onUnhandled));
      const received: unknown[] = [];
      const handle = (data: unknown): void => void received.push(data);
      await allow('later-ours', 'open.*', 'secret.*', 'secret.*.d');
      const { server, log } = await startService(
        eventHandlers({ 'open.c': handle, 'secret.c': handle, 'secret.*.d': handle }),
        { connection: userOf('later-ours') },
      );
      const statuses: string[] = [];
      server.status.subscribe((status) => statuses.push(status));

      // Redis closes connections that hold a subscription that is no longer allowed.
      await allow('later-ours', 'open.*');
      const refusals = (name: string): string[] =>
        log.of('error').filter((line) => line.includes(`"${name}"`) && line.includes('NOPERM'));
      await eventually(() => refusals('secret.c').length > 0 && refusals('secret.*.d').length > 0);
      await redis.subscribers('open.c', 1);
      await redis.client.publish('open.c', '"open"');
      await eventually(() => received.length >= 1);
      expect(await redis.client.publish('secret.c', '"unheard"')).toBe(0);
      expect(statuses.at(-1)).toBe('reconnecting');

      await allow('later-ours', 'open.*', 'secret.*', 'secret.*.d');
      await redis.subscribers('secret.c', 1);
      await redis.patterns(1);
      await redis.client.publish('secret.c', '"secret"');
      await redis.client.publish('secret.c.d', '"glob"');
      await eventually(() => received.length >= 3);
      expect(received).toEqual(['open', 'secret', 'glob']);
      await eventually(() => statuses.at(-1) === 'connected');
      expect([refusals('secret.c').length, refusals('secret.*.d').length]).toEqual([1, 1]);
      expect(unhandled).toEqual([]);
    });

    it('counter-proof: the built-in transport (Transport.REDIS) ends the process when one channel is refused after a reconnect', async () => {
      await allow('later-built-in', 'open.*', 'secret.*');
      const service = spawnBuiltIn(
        { ...userOf('later-built-in'), retryAttempts: 1_000, retryDelay: 10 },
        ['open.e', 'secret.e'],
      );
      expect(await service.started).toBe('listening');
      await redis.subscribers('secret.e', 1);
      await allow('later-built-in', 'open.*');
      const { code, output } = await service.exited;
      expect(code).toBe(1);
      expect(output).toContain('NOPERM');
      expect(await redis.client.pubsub('NUMSUB', 'open.e')).toEqual(['open.e', 0]);
    });
  });
});
