import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ConnectionError } from 'nestjs-redis-pubsub';
import { captureLog, createClient, startService } from '../../support/app.js';
import { createBuiltInClient } from '../../support/built-in.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';

/** The error that a promise rejects with. */
const failureOf = (attempt: Promise<unknown>): Promise<unknown> =>
  attempt.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('emit()', () => {
  const redis = useRedis();

  async function createMuteUser(username: string) {
    await redis.client.acl('SETUSER', username, 'on', '>pw', '+@all', 'resetchannels', '&open.*');
    return { host: '127.0.0.1', port: redis.port, username, password: 'pw' };
  }

  describe('when it succeeds', () => {
    it('emits the number of subscriptions that Redis delivered to', async () => {
      for (const pattern of ['emit.a', 'emit.*']) {
        await startService(eventHandlers({ [pattern]: () => {} }), { connection: redis.url });
      }
      const client = createClient({ connection: redis.url });
      expect(await firstValueFrom(client.emit('emit.a', 1))).toBe(2);
      expect(await firstValueFrom(client.emit('emit.b', 1))).toBe(1);
      expect(await firstValueFrom(client.emit('no.subscribers', 1))).toBe(0);
    });

    it('counter-proof: the built-in transport (Transport.REDIS) emits undefined', async () => {
      await startService(eventHandlers({ 'emit.builtin': () => {} }), { connection: redis.url });
      const { client } = await createBuiltInClient({ port: redis.port });
      expect(await firstValueFrom(client.emit('emit.builtin', 1))).toBeUndefined();
    });
  });

  describe('when Redis refuses and the Observable has no subscriber', () => {
    it('logs the error with the channel', async () => {
      const log = captureLog();
      const client = createClient({ connection: await createMuteUser('mute-ours') });
      client.emit('secret.a', 1);
      await eventually(() => log.of('error').length > 0);
      expect(log.of('error')).toEqual([expect.stringMatching(/"secret\.a".*NOPERM/)]);
    });

    it('logs ten of a thousand errors, and the number of the others', async () => {
      const log = captureLog();
      const client = createClient({ connection: await createMuteUser('mute-burst') });
      for (let i = 0; i < 1_000; i++) client.emit('secret.burst', i);
      await eventually(() => log.of('error').length > 10);
      const lines = log.of('error');
      expect(lines.slice(0, 10)).toEqual(
        Array.from({ length: 10 }, () => expect.stringMatching(/"secret\.burst".*NOPERM/)),
      );
      expect(lines.slice(10)).toEqual(['990 more events were not published']);
    });

    it('counter-proof: the built-in transport (Transport.REDIS) logs nothing', async () => {
      const log = captureLog();
      const { client } = await createBuiltInClient(await createMuteUser('mute-built-in'));
      client.emit('secret.a', 1);
      // Redis answers in order, so that the first message has failed when this one has.
      const failure = await failureOf(firstValueFrom(client.emit('secret.b', 1)));
      expect(failure).toMatchObject({ message: expect.stringContaining('NOPERM') as string });
      expect([...log.of('error'), ...log.of('warn')]).toEqual([]);
    });
  });

  describe('while the client is reconnecting', () => {
    it('rejects at once with an Error that names the channel', async () => {
      const proxy = await startProxy(redis.port);
      const client = createClient({ connection: proxy.url });
      await client.connect();
      const statuses: string[] = [];
      client.status.subscribe((status) => statuses.push(status));
      await proxy.stop();
      await eventually(() => statuses.at(-1) === 'reconnecting');
      const failure = await failureOf(firstValueFrom(client.emit('away.ours', 1)));
      expect(failure).toBeInstanceOf(ConnectionError);
      expect(failure).toMatchObject({ message: expect.stringContaining('"away.ours"') as string });
    });

    it('publishes again after the reconnect', async () => {
      const proxy = await startProxy(redis.port);
      const client = createClient({ connection: proxy.url });
      await client.connect();
      const statuses: string[] = [];
      client.status.subscribe((status) => statuses.push(status));
      await proxy.stop();
      await eventually(() => statuses.at(-1) === 'reconnecting');
      await proxy.start();
      await eventually(() => statuses.at(-1) === 'connected');
      expect(await firstValueFrom(client.emit('back.ours', 1))).toBe(0);
    });

    it('counter-proof: the built-in transport (Transport.REDIS) rejects with a string', async () => {
      const proxy = await startProxy(redis.port);
      const { client, statuses } = await createBuiltInClient({
        host: '127.0.0.1',
        port: proxy.port,
        retryAttempts: 1_000_000,
        retryDelay: 10,
      });
      await proxy.stop();
      await eventually(() => statuses.at(-1) === 'reconnecting');
      const failure = await failureOf(firstValueFrom(client.emit('away.builtin', 1)));
      expect(failure).toBeTypeOf('string');
    });
  });
});
