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

const ignore = (): void => undefined;

describe('service.subscribe and subscribePattern', () => {
  const redis = useRedis();

  it('resolve on the acknowledgement: what is published right after is heard', async () => {
    const { service } = await startService(redis);
    const heard: unknown[] = [];
    for (let i = 0; i < 50; i++) {
      await service.subscribe(`ack.${i}`, ({ data }) => heard.push(data));
      expect(await redis.client.publish(`ack.${i}`, String(i))).toBe(1);
      await service.subscribePattern(`ack.glob.${i}.*`, ({ data }) => heard.push(data));
      expect(await redis.client.publish(`ack.glob.${i}.x`, String(i))).toBe(1);
    }
    await eventually(() => heard.length === 100);
  });

  it('resolve to something that tells the pattern and ends it, at once and more than once', async () => {
    const { service } = await startService(redis);
    const heard: unknown[] = [];
    const gone = await service.subscribe('end.a', ({ data }) => heard.push(['gone', data]));
    const kept = await service.subscribe('end.a', ({ data }) => heard.push(['kept', data]));
    expect(gone.pattern).toBe('end.a');
    await redis.client.publish('end.a', '1');
    await eventually(() => heard.length === 2);
    gone.unsubscribe();
    gone.unsubscribe();
    await redis.client.publish('end.a', '2');
    await eventually(() => heard.length > 2);
    expect(heard).toEqual([
      ['gone', 1],
      ['kept', 1],
      ['kept', 2],
    ]);
    await redis.subscribers('end.a', 1);
    kept.unsubscribe();
    await redis.subscribers('end.a', 0);
  });

  it('can be ended and made again in one breath', async () => {
    const { service } = await startService(redis);
    const heard: unknown[] = [];
    const first = await service.subscribe('again.a', () => heard.push('first'));
    first.unsubscribe();
    await service.subscribe('again.a', () => heard.push('second'));
    expect(await redis.client.publish('again.a', '1')).toBe(1);
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(['second']);
  });

  it('hand the handler the whole message', async () => {
    const { service } = await startService(redis);
    const heard: PubSubMessage[] = [];
    await service.subscribePattern<string>('whole.:id', (message) => heard.push(message));
    await redis.client.publish('whole.1', 'no JSON');
    await eventually(() => heard.length === 1);
    expect(heard).toEqual([
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
  ])('log a handler that %s, and handle the next message', async (_, handler) => {
    const { service, log } = await startService(redis);
    const heard: unknown[] = [];
    await service.subscribe('throw.a', (message) => {
      heard.push(message.data);
      return handler(message);
    });
    await service.publish('throw.a', 'bad');
    await service.publish('throw.a', 'good');
    await eventually(() => heard.length === 2);
    expect(heard).toEqual(['bad', 'good']);
    expect(log.of('error')).toEqual([
      expect.stringContaining('A message on "throw.a" failed: Error: boom'),
    ]);
  });

  it('reject with an error that names the channel when Redis refuses it', async () => {
    await redis.client.call('ACL', 'SETUSER', 'listener', 'on', '>pw', '~*', '+@all', '&open.*');
    const { service } = await startService(redis, {
      connection: { ...plain(redis.port), username: 'listener', password: 'pw' },
    });
    // Asked for together, they go to Redis in one command, which it refuses as a whole.
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
  });

  it('resolve when Redis is back, if it is away', async () => {
    const { service, becomes } = await startService(redis);
    await redis.stop();
    await becomes('reconnecting');
    const subscribed = service.subscribe('away.a', () => undefined);
    await redis.start();
    await subscribed;
    expect(await redis.client.publish('away.a', '1')).toBe(1);
  });

  it('reject when the application closes before Redis is back', async () => {
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
    ['no channel', '', ignore, InvalidChannelError],
    ['a reserved channel', '_pubsub.inbox.1', ignore, InvalidChannelError],
    ['no handler', 'wrong.a', undefined as unknown as typeof ignore, InvalidOptionError],
  ])('reject for %s, and never throw', async (_, channel, handler, type) => {
    const { service } = await startService(redis);
    const subscribed = service.subscribe(channel, handler);
    await expect(subscribed).rejects.toBeInstanceOf(type);
  });

  it('reject for no pattern, and never throw', async () => {
    const { service } = await startService(redis);
    const subscribed = service.subscribePattern('wrong.:x.:x', ignore);
    await expect(subscribed).rejects.toBeInstanceOf(InvalidChannelError);
  });
});
