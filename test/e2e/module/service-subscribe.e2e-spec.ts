import { describe, expect, it } from 'vitest';
import {
  ClosedError,
  CommandRefusedError,
  InvalidChannelError,
  InvalidOptionError,
  type PubSubHandler,
  type PubSubMessage,
} from 'nestjs-redis-pubsub';
import { eventually, plain, useRedis } from '../../support/redis.js';
import { failureOf } from './apps.js';
import { startService } from './service-app.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const ignore = (): void => undefined;

describe('service.subscribe and subscribePattern', () => {
  const redis = useRedis();

  it('resolve when Redis has acknowledged, so that the next message is received', async () => {
    const { service } = await startService(redis);
    const received: unknown[] = [];
    for (let i = 0; i < 50; i++) {
      await service.subscribe(`ack.${i}`, ({ data }) => received.push(data));
      expect(await redis.client.publish(`ack.${i}`, String(i))).toBe(1);
      await service.subscribePattern(`ack.glob.${i}.*`, ({ data }) => received.push(data));
      expect(await redis.client.publish(`ack.glob.${i}.x`, String(i))).toBe(1);
    }
    await eventually(() => received.length === 100);
  });

  it('resolve with a subscription whose unsubscribe() is immediate and idempotent', async () => {
    const { service } = await startService(redis);
    const received: unknown[] = [];
    const gone = await service.subscribe('end.a', ({ data }) => received.push(['gone', data]));
    const kept = await service.subscribe('end.a', ({ data }) => received.push(['kept', data]));
    expect(gone.pattern).toBe('end.a');
    await redis.client.publish('end.a', '1');
    await eventually(() => received.length === 2);
    gone.unsubscribe();
    gone.unsubscribe();
    await redis.client.publish('end.a', '2');
    await eventually(() => received.length > 2);
    expect(received).toEqual([
      ['gone', 1],
      ['kept', 1],
      ['kept', 2],
    ]);
    await redis.subscribers('end.a', 1);
    kept.unsubscribe();
    await redis.subscribers('end.a', 0);
  });

  it('subscribe again immediately after an unsubscribe', async () => {
    const { service } = await startService(redis);
    const received: unknown[] = [];
    const first = await service.subscribe('again.a', () => received.push('first'));
    first.unsubscribe();
    await service.subscribe('again.a', () => received.push('second'));
    expect(await redis.client.publish('again.a', '1')).toBe(1);
    await eventually(() => received.length > 0);
    expect(received).toEqual(['second']);
  });

  it('call the handler with the whole message', async () => {
    const { service } = await startService(redis);
    const received: PubSubMessage[] = [];
    await service.subscribePattern<string>('whole.:id', (message) => received.push(message));
    await redis.client.publish('whole.1', 'no JSON');
    await eventually(() => received.length === 1);
    expect(received).toEqual([
      {
        data: 'no JSON',
        channel: 'whole.1',
        pattern: 'whole.:id',
        params: { id: '1' },
        headers: {},
      },
    ]);
  });

  it.each<[string, PubSubHandler<unknown>]>([
    ['rejects', ({ data }) => (data === 'bad' ? Promise.reject(new Error('boom')) : undefined)],
    [
      'throws',
      ({ data }) => {
        if (data === 'bad') throw new Error('boom');
      },
    ],
  ])('log the error of a handler that %s, and deliver the next message', async (_, handler) => {
    const { service, log } = await startService(redis);
    const received: unknown[] = [];
    await service.subscribe('throw.a', (message) => {
      received.push(message.data);
      return handler(message);
    });
    await service.publish('throw.a', 'bad');
    await service.publish('throw.a', 'good');
    await eventually(() => received.length === 2);
    expect(received).toEqual(['bad', 'good']);
    expect(log.of('error')).toEqual([
      expect.stringContaining('A message on "throw.a" failed: Error: boom'),
    ]);
  });

  it.skipIf(IN_MEMORY)(
    'reject with CommandRefusedError, which names the channel, when Redis refuses',
    async () => {
      await redis.client.call(
        'ACL',
        'SETUSER',
        'listener',
        'on',
        '>pw',
        '+@all',
        'resetchannels',
        '&open.*',
      );
      const { service } = await startService(redis, {
        connection: { ...plain(redis.port), username: 'listener', password: 'pw' },
      });
      // Calls of one tick go to Redis in one command, which Redis refuses as a whole.
      const results = await Promise.allSettled([
        service.subscribe('open.a', () => undefined),
        service.subscribe('shut.a', () => undefined),
        service.subscribe('open.b', () => undefined),
        service.subscribePattern('shut.*', () => undefined),
      ]);
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
      ]);
      const refused = service.subscribe('shut.a', () => undefined);
      await expect(refused).rejects.toThrow(CommandRefusedError);
      await expect(refused).rejects.toThrow('Redis refused to subscribe to "shut.a": NOPERM');
      await redis.subscribers('open.a', 1);
      await redis.subscribers('open.b', 1);
    },
  );

  it('resolve after the reconnect if Redis is down', async () => {
    const { service, becomes } = await startService(redis);
    await redis.stop();
    await becomes('reconnecting');
    const subscribed = service.subscribe('away.a', () => undefined);
    await redis.start();
    await subscribed;
    expect(await redis.client.publish('away.a', '1')).toBe(1);
  });

  it('reject with ClosedError when the application closes during an outage', async () => {
    const { app, service, becomes } = await startService(redis);
    await redis.stop();
    await becomes('reconnecting');
    const subscribed = service.subscribe('closing.a', () => undefined);
    const failure = failureOf(subscribed);
    await app.close();
    expect(await failure).toBeInstanceOf(ClosedError);
    await redis.start();
  });

  it.each<[string, string, PubSubHandler<unknown>, new (...args: never[]) => Error]>([
    ['an empty channel', '', ignore, InvalidChannelError],
    ['a reserved channel', '_pubsub.inbox.1', ignore, InvalidChannelError],
    ['no handler', 'wrong.a', undefined as unknown as typeof ignore, InvalidOptionError],
  ])('reject for %s, and never throw', async (_, channel, handler, type) => {
    const { service } = await startService(redis);
    const subscribed = service.subscribe(channel, handler);
    await expect(subscribed).rejects.toBeInstanceOf(type);
  });

  it('reject for an invalid pattern, and never throw', async () => {
    const { service } = await startService(redis);
    const subscribed = service.subscribePattern('wrong.:x.:x', ignore);
    await expect(subscribed).rejects.toBeInstanceOf(InvalidChannelError);
  });
});
