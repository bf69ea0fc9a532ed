import { describe, expect, it } from 'vitest';
import { CommandRefusedError, InvalidChannelError, RedisPubSubClient } from 'nestjs-redis-pubsub';
import { firstValueFrom } from 'rxjs';
import { closeAfterTest } from '../../support/app.js';
import { plain, useRedis } from '../../support/redis.js';
import { startService } from './service-app.js';
import { IN_MEMORY } from '../../support/in-memory.js';

describe('service.channels', () => {
  const redis = useRedis();

  it('returns the subscribed channels under the prefix, without globs', async () => {
    const { service } = await startService(redis, { prefix: 'shop:' });
    const other = redis.client.duplicate();
    closeAfterTest(async () => other.disconnect());
    await other.subscribe('shop:user.2', 'shop:order.1', 'elsewhere:user.3');
    await service.subscribe('user.1', () => undefined);
    await service.subscribePattern('user.*', () => undefined);
    expect((await service.channels()).toSorted()).toEqual(['order.1', 'user.1', 'user.2']);
    expect((await service.channels('user.*')).toSorted()).toEqual(['user.1', 'user.2']);
    expect(await service.channels('user.[13]')).toEqual(['user.1']);
    expect(await service.channels('order.1')).toEqual(['order.1']);
    expect(await service.channels('nobody.*')).toEqual([]);
  });

  it('matches :name with exactly one segment, as handlers do', async () => {
    const { service } = await startService(redis, { prefix: 'seg:' });
    for (const channel of ['user.1', 'user.1.inbox']) {
      await service.subscribe(channel, () => undefined);
    }
    expect(await service.channels('user.:id')).toEqual(['user.1']);
    expect(await service.channels('user.:id.inbox')).toEqual(['user.1.inbox']);
  });

  it('escapes glob characters in the prefix and in literal text', async () => {
    const { service } = await startService(redis, { prefix: 'a*[b]?:' });
    const other = redis.client.duplicate();
    closeAfterTest(async () => other.disconnect());
    await other.subscribe('axb1:mine');
    await service.subscribe('mine', () => undefined);
    await service.subscribe('st*r', () => undefined);
    await service.subscribe('star', () => undefined);
    expect((await service.channels()).toSorted()).toEqual(['mine', 'st*r', 'star']);
    expect(await service.channels('st\\*r')).toEqual(['st*r']);
  });

  it('omits the inboxes of clients', async () => {
    const { app, service } = await startService(redis);
    const request = app.get(RedisPubSubClient).send('queries.nobody', 1);
    await expect(firstValueFrom(request)).rejects.toThrow('No subscriber for');
    const names = (await redis.client.pubsub('CHANNELS')) as string[];
    expect(names).toContainEqual(expect.stringContaining('_pubsub.inbox.'));
    expect(await service.channels()).toEqual([]);
  });
});

describe('service.subscriberCounts and patternCount', () => {
  const redis = useRedis();

  it('count the subscribers of each channel, under the prefix', async () => {
    const { service } = await startService(redis, { prefix: 'count:' });
    const { service: other } = await startService(redis, { prefix: 'count:' });
    await service.subscribe('a', () => undefined);
    await service.subscribe('a', () => undefined);
    await other.subscribe('a', () => undefined);
    await other.subscribe('b', () => undefined);
    await service.subscribePattern('*', () => undefined);
    expect(await service.subscriberCounts('a', 'b', 'c')).toEqual({ a: 2, b: 1, c: 0 });
    expect(await service.subscriberCounts('b', 'b')).toEqual({ b: 1 });
    expect(await service.subscriberCounts()).toEqual({});
  });

  it('count the channels of an array, also hundreds of thousands', async () => {
    const { service } = await startService(redis, { prefix: 'many:' });
    const channels = Array.from({ length: 200_000 }, (_, i) => `user.${i}`);
    await service.subscribe('user.0', () => undefined);
    await service.subscribe('user.199999', () => undefined);
    const counts = await service.subscriberCounts(channels);
    expect(Object.keys(counts)).toEqual(channels);
    const found = Object.entries(counts).filter(([, count]) => count > 0);
    expect(found).toEqual([
      ['user.0', 1],
      ['user.199999', 1],
    ]);
    expect(await service.subscriberCounts([])).toEqual({});
  });

  it('reject for an array with a name that is not valid', async () => {
    const { service } = await startService(redis);
    await expect(service.subscriberCounts(['a', ''])).rejects.toThrow(InvalidChannelError);
    await expect(service.subscriberCounts([['a']] as never)).rejects.toThrow(InvalidChannelError);
  });

  it('count the globs of the whole server', async () => {
    const { service } = await startService(redis, { prefix: 'count:' });
    const other = redis.client.duplicate();
    closeAfterTest(async () => other.disconnect());
    await redis.patterns(0);
    expect(await service.patternCount()).toBe(0);
    await service.subscribePattern('x.*', () => undefined);
    await service.subscribePattern('x.*', () => undefined);
    await other.psubscribe('elsewhere:*');
    expect(await service.patternCount()).toBe(2);
  });

  it.skipIf(IN_MEMORY)('reject when Redis refuses the query', async () => {
    await redis.client.call(
      'ACL',
      'SETUSER',
      'blind',
      'on',
      '>pw',
      'allchannels',
      '+@all',
      '-pubsub',
    );
    const { service } = await startService(redis, {
      connection: { ...plain(redis.port), username: 'blind', password: 'pw' },
    });
    await expect(service.channels()).rejects.toThrow(CommandRefusedError);
    await expect(service.subscriberCounts('a')).rejects.toThrow('PUBSUB NUMSUB');
    await expect(service.patternCount()).rejects.toMatchObject({ code: 'ERR_PUBSUB_QUERY' });
  });

  it.skipIf(IN_MEMORY)(
    'reject with a ConnectionError when the connection is lost before the answer',
    async () => {
      const { app, service } = await startService(redis);
      const [publisher] = app.get(RedisPubSubClient).unwrap();
      const asked = service.patternCount();
      publisher.stream.destroy();
      await expect(asked).rejects.toMatchObject({ code: 'ERR_PUBSUB_CONNECTION' });
    },
  );
});
