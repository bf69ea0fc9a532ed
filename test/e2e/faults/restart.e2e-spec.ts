import { Redis } from 'ioredis';
import { setImmediate } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { captureLog, closeAfterTest, createClient, startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';

describe('when Redis is killed and started again', () => {
  const redis = useRedis();

  async function kill(): Promise<void> {
    process.kill(redis.pid, 'SIGKILL');
    await redis.stop();
  }

  describe('a service with default options', () => {
    it('receives the messages after the restart, on channels and on globs', async () => {
      const received: unknown[] = [];
      const { server } = await startService(
        eventHandlers({
          'restart.news': (data) => received.push(data),
          'restart.*.alert': (data) => received.push(data),
        }),
        { connection: redis.url },
      );
      await kill();
      await redis.start();
      await redis.subscribers('restart.news', 1);
      await redis.patterns(1);
      expect(await redis.client.publish('restart.news', '"news"')).toBe(1);
      expect(await redis.client.publish('restart.it.alert', '"alert"')).toBe(1);
      await eventually(() => received.length >= 2);
      expect(received).toEqual(['news', 'alert']);
      expect(server.isListening).toBe(true);
    });

    it('reports the outage in its status, and logs it once per connection', async () => {
      const { server, log } = await startService(eventHandlers({ 'restart.said': () => {} }), {
        connection: redis.url,
      });
      const statuses: string[] = [];
      server.status.subscribe((status) => statuses.push(status));
      await kill();
      await eventually(() => statuses.at(-1) === 'reconnecting');
      await redis.start();
      await eventually(() => statuses.at(-1) === 'connected');
      expect(statuses).toEqual(['connected', 'reconnecting', 'connected']);
      const linesWith = (level: 'log' | 'warn', text: string): string[] =>
        log.of(level).filter((line) => line.includes(text));
      expect(linesWith('warn', 'reconnecting')).toHaveLength(2);
      expect(linesWith('warn', 'Lost the subscriber connection')).toHaveLength(1);
      expect(linesWith('warn', 'The subscriber connection is back')).toHaveLength(1);
      expect(linesWith('warn', 'The publisher connection is back')).toHaveLength(1);
    });

    it('reconnects with growing delays up to a cap, and with jitter', async () => {
      const { server } = await startService(eventHandlers({ 'restart.tries': () => {} }), {
        connection: redis.url,
      });
      const [, subscriber] = server.unwrap<[Redis, Redis]>();
      const delays: number[] = [];
      subscriber.on('reconnecting', (delay: number) => delays.push(delay));
      await kill();
      await eventually(() => delays.length >= 6);
      await redis.start();
      await redis.subscribers('restart.tries', 1);

      const retry = subscriber.options.retryStrategy;
      const delaysOf = (attempt: number): number[] =>
        Array.from({ length: 50 }, () => Number(retry?.(attempt)));
      expect(delays[0]).toBeLessThan(300);
      expect(Math.min(...delaysOf(4))).toBeGreaterThan(Math.max(...delaysOf(1)));
      expect(Math.max(...delaysOf(1_000_000))).toBeLessThanOrEqual(1_000);
      expect(new Set(delaysOf(3)).size).toBeGreaterThan(1);
    });

    it('counter-proof: the built-in transport (Transport.REDIS) never reconnects, while the process goes on', async () => {
      const received: unknown[] = [];
      const { app, statuses } = await startBuiltIn(
        eventHandlers({ 'restart.builtin': (data) => received.push(data) }),
        { port: redis.port },
      );
      await redis.subscribers('restart.builtin', 1);
      await kill();
      await redis.start();
      await eventually(() => statuses.at(-1) === 'disconnected');
      // 'end' is the last status of an ioredis client: it never reconnects from there.
      await eventually(() => app.unwrap<Redis[]>().every(({ status }) => status === 'end'));
      expect(await redis.client.pubsub('NUMSUB', 'restart.builtin')).toEqual([
        'restart.builtin',
        0,
      ]);
      expect(await redis.client.publish('restart.builtin', '"lost"')).toBe(0);
      expect(received).toEqual([]);
    });
  });

  describe('a connection that ioredis cannot open', () => {
    it('rejects connect, and is tried again after a delay', async () => {
      const log = captureLog();
      const tls = { cert: 'no certificate', key: 'no key' };
      const client = createClient({ connection: { port: redis.port, tls } });
      let attempts = 0;
      client.unwrap<[Redis, Redis]>()[0].on('connecting', () => attempts++);
      await expect(client.connect()).rejects.toThrow('Cannot connect to Redis');
      // Without a delay between the attempts the event loop would not run anything else.
      await setImmediate();
      expect(attempts).toBeLessThan(5);
      await eventually(() => attempts > 1);
      expect(log.of('warn').join()).toContain('Cannot connect the ');
    });
  });

  describe('the reconnectOnError of the user', () => {
    it('may throw: the error is logged, and the command gets its reply', async () => {
      const log = captureLog();
      await redis.client.acl('SETUSER', 'mute', 'on', '>pw', '+@all', 'resetchannels');
      const client = createClient({
        connection: {
          port: redis.port,
          username: 'mute',
          password: 'pw',
          reconnectOnError: () => {
            throw new Error('no idea');
          },
        },
      });
      await expect(firstValueFrom(client.emit('restart.refused', 1))).rejects.toThrow('NOPERM');
      expect(log.of('error')).toContain(
        'The ioredis option "reconnectOnError" threw; using its default: no idea',
      );
    });
  });

  describe('the retryStrategy of the user', () => {
    it('decides when to reconnect', async () => {
      const retryStrategy = vi.fn<() => number>(() => 10);
      await startService(eventHandlers({ 'restart.own': () => {} }), {
        connection: { port: redis.port, retryStrategy },
      });
      expect(retryStrategy).not.toHaveBeenCalled();
      await kill();
      await eventually(() => retryStrategy.mock.calls.length > 5);
      await redis.start();
      await redis.subscribers('restart.own', 1);
      expect(retryStrategy).toHaveBeenCalledWith(1);
    });

    it('may throw: the error is logged, and the reconnect attempts go on', async () => {
      const { log } = await startService(eventHandlers({ 'restart.throws': () => {} }), {
        connection: {
          port: redis.port,
          retryStrategy: () => {
            throw new Error('no idea');
          },
        },
      });
      await kill();
      await eventually(() =>
        log
          .of('error')
          .includes('The ioredis option "retryStrategy" threw; using its default: no idea'),
      );
      await redis.start();
      await redis.subscribers('restart.throws', 1);
      expect(await redis.client.publish('restart.throws', '1')).toBe(1);
    });

    it('has our default when a client of the user has none', async () => {
      const own = new Redis({ port: redis.port, lazyConnect: true });
      own.on('error', () => undefined);
      closeAfterTest(async () => own.disconnect());
      const { server } = await startService(eventHandlers({ 'restart.default': () => {} }), {
        connection: own,
      });
      const [, subscriber] = server.unwrap<[Redis, Redis]>();
      expect(subscriber.options.retryStrategy?.(1_000)).toBeLessThanOrEqual(1_000);
      expect(own.options.retryStrategy?.(1_000)).toBeGreaterThan(1_000);
    });

    it('stops the attempts with null: the status is disconnected, and that is logged', async () => {
      const { server, log } = await startService(eventHandlers({ 'restart.ended': () => {} }), {
        connection: { port: redis.port, retryStrategy: () => null },
      });
      const statuses: string[] = [];
      server.status.subscribe((status) => statuses.push(status));
      await kill();
      await eventually(() => statuses.at(-1) === 'disconnected');
      const ended = (): string[] =>
        log.of('error').filter((line) => line.includes('and is not retried'));
      await eventually(() => ended().length >= 2);
      await redis.start();
      expect(
        ended()
          .map((line) => line.split(' connection')[0])
          .toSorted(),
      ).toEqual(['The publisher', 'The subscriber']);
    });

    it('counter-proof: the built-in transport (Transport.REDIS) overwrites it and never calls it', async () => {
      const retryStrategy = vi.fn<() => number>(() => 10);
      const { statuses } = await startBuiltIn(eventHandlers({ 'restart.ignored': () => {} }), {
        port: redis.port,
        retryStrategy,
      });
      await redis.subscribers('restart.ignored', 1);
      await kill();
      await redis.start();
      await eventually(() => statuses.at(-1) === 'disconnected');
      expect(retryStrategy).not.toHaveBeenCalled();
    });
  });
});
