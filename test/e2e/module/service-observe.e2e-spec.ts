import { firstValueFrom, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { CommandRefusedError, InvalidChannelError, type PubSubMessage } from 'nestjs-redis-pubsub';
import { callsOf, eventually, plain, useRedis } from '../../support/redis.js';
import { startService } from './service-app.js';
import { IN_MEMORY } from '../../support/in-memory.js';

describe('service.observe', () => {
  const redis = useRedis();

  it('is cold: SUBSCRIBE is sent for the first observer', async () => {
    const { service } = await startService(redis);
    const messages = service.observe('cold.a');
    await service.subscribe('cold.b', () => undefined);
    expect(await service.subscriberCounts('cold.a')).toEqual({ 'cold.a': 0 });
    const received = firstValueFrom(messages);
    await redis.subscribers('cold.a', 1);
    await redis.client.publish('cold.a', '{"id":"n1","data":{"a":1},"title":"Hi"}');
    expect(await received).toEqual({
      data: { id: 'n1', data: { a: 1 }, title: 'Hi' },
      channel: 'cold.a',
      pattern: 'cold.a',
      params: {},
      headers: {},
    });
  });

  it.skipIf(IN_MEMORY)(
    'shares one Redis subscription among its observers, and ends it after the last one',
    async () => {
      const { service } = await startService(redis);
      await redis.client.config('RESETSTAT');
      const received: unknown[] = [];
      const messages = service.observe('shared.a');
      const first = messages.subscribe(({ data }) => received.push(['first', data]));
      await redis.subscribers('shared.a', 1);
      const second = messages.subscribe(({ data }) => received.push(['second', data]));
      const third = service
        .observe('shared.a')
        .subscribe(({ data }) => received.push(['third', data]));
      await service.publish('shared.a', 1);
      await eventually(() => received.length === 3);
      first.unsubscribe();
      third.unsubscribe();
      await service.publish('shared.a', 2);
      await eventually(() => received.length === 4);
      expect(received.at(-1)).toEqual(['second', 2]);
      expect(await callsOf(redis.client, 'subscribe')).toBe(1);
      expect(await callsOf(redis.client, 'unsubscribe')).toBe(0);
      second.unsubscribe();
      await redis.subscribers('shared.a', 0);
      expect(await callsOf(redis.client, 'unsubscribe')).toBe(1);
    },
  );

  it('takes the channel literally: user.* receives only messages of the channel "user.*"', async () => {
    const { service } = await startService(redis);
    const received: string[] = [];
    service.observe('user.*').subscribe(({ channel }) => received.push(channel));
    service.observe('user.:id').subscribe(({ channel }) => received.push(channel));
    await redis.subscribers('user.*', 1);
    await redis.subscribers('user.:id', 1);
    await redis.patterns(0);
    expect(await redis.client.publish('user.1', '1')).toBe(0);
    expect(await redis.client.publish('user.*', '1')).toBe(1);
    expect(await redis.client.publish('user.:id', '1')).toBe(1);
    await eventually(() => received.length === 2);
    expect(received).toEqual(['user.*', 'user.:id']);
  });

  it('gives channels without the prefix', async () => {
    const { service } = await startService(redis, { prefix: 'shop:' });
    const received = firstValueFrom(service.observe('prefixed.a'));
    await redis.subscribers('shop:prefixed.a', 1);
    await redis.client.publish('shop:prefixed.a', '1');
    expect((await received).channel).toBe('prefixed.a');
  });

  it('receives messages again after the connection is killed', async () => {
    const { service, becomes } = await startService(redis);
    const received: unknown[] = [];
    service.observe('killed.a').subscribe(({ data }) => received.push(data));
    await redis.subscribers('killed.a', 1);
    await redis.killConnections();
    await becomes('reconnecting');
    await becomes('connected');
    expect(await redis.client.publish('killed.a', '1')).toBe(1);
    await eventually(() => received.length === 1);
  });

  it('subscribes after the reconnect if Redis is down', async () => {
    const { service, becomes } = await startService(redis);
    await redis.stop();
    await becomes('reconnecting');
    const received = firstValueFrom(service.observe('later.a'));
    await redis.start();
    await redis.subscribers('later.a', 1);
    await redis.client.publish('later.a', '1');
    expect((await received).data).toBe(1);
  });

  it('leaves no Redis subscription if the observer unsubscribes during an outage', async () => {
    const { service, becomes } = await startService(redis);
    const old = service.observe('outage.old').subscribe();
    await redis.subscribers('outage.old', 1);
    await redis.stop();
    await becomes('reconnecting');
    service.observe('outage.new').subscribe().unsubscribe();
    old.unsubscribe();
    service.observe('outage.kept').subscribe();
    await redis.start();
    await redis.subscribers('outage.kept', 1);
    expect(await redis.client.pubsub('CHANNELS', 'outage.*')).toEqual(['outage.kept']);
  });

  it('leaves no Redis subscription if the observer unsubscribes before Redis answers', async () => {
    const { service } = await startService(redis);
    const failures: unknown[] = [];
    service
      .observe('brief.a')
      .subscribe({ error: (it) => failures.push(it) })
      .unsubscribe();
    await service.subscribe('brief.b', () => undefined);
    await redis.subscribers('brief.a', 0);
    expect(failures).toEqual([]);
  });

  it.skipIf(IN_MEMORY)(
    'fails with CommandRefusedError, which names the channel, when Redis refuses',
    async () => {
      await redis.client.call(
        'ACL',
        'SETUSER',
        'observer',
        'on',
        '>pw',
        '+@all',
        'resetchannels',
        '&open.*',
      );
      const { service } = await startService(redis, {
        connection: { ...plain(redis.port), username: 'observer', password: 'pw' },
      });
      const refused = firstValueFrom(service.observe('shut.a'));
      await expect(refused).rejects.toThrow(CommandRefusedError);
      await expect(refused).rejects.toThrow('Redis refused to subscribe to "shut.a": NOPERM');
      const refusedGlob = firstValueFrom(service.observePattern('shut.*'));
      await expect(refusedGlob).rejects.toThrow('Redis refused to subscribe to "shut.*"');
      const received = firstValueFrom(service.observe('open.a'));
      await redis.subscribers('open.a', 1);
      await redis.client.publish('open.a', '1');
      expect((await received).data).toBe(1);
      // SUBSCRIBE is sent again for each observer, because the permission may change.
      await redis.client.call('ACL', 'SETUSER', 'observer', '&shut.*');
      service.observe('shut.a').subscribe();
      await redis.subscribers('shut.a', 1);
    },
  );

  it('throws InvalidChannelError for an empty channel or pattern', async () => {
    const { service } = await startService(redis);
    expect(() => service.observe('')).toThrow(InvalidChannelError);
    expect(() => service.observePattern('')).toThrow(InvalidChannelError);
  });

  it('fails with InvalidChannelError for a reserved channel', async () => {
    const { service } = await startService(redis);
    await expect(firstValueFrom(service.observe('_pubsub.inbox.1'))).rejects.toThrow(
      InvalidChannelError,
    );
  });
});

const expectedMessage = (channel: string, id: string, box: string): PubSubMessage<number> => ({
  data: 7,
  channel,
  pattern: 'user.:id.:box',
  params: { id, box },
  headers: {},
});

describe('service.observePattern', () => {
  const redis = useRedis();

  it('gives the parameters, and omits messages that match only the wider Redis glob', async () => {
    const { service } = await startService(redis);
    const received = firstValueFrom(
      service.observePattern<number>('user.:id.:box').pipe(take(2), toArray()),
    );
    await redis.patterns(1);
    for (const channel of ['user.1.inbox', 'user.1.2.inbox', 'user..inbox', 'user.3.outbox']) {
      expect(await redis.client.publish(channel, '7')).toBe(1);
    }
    expect(await received).toEqual([
      expectedMessage('user.1.inbox', '1', 'inbox'),
      expectedMessage('user.3.outbox', '3', 'outbox'),
    ]);
    await redis.patterns(0);
  });

  it('shares one PSUBSCRIBE among patterns with the same Redis glob', async () => {
    const { service } = await startService(redis, { prefix: 'glob:' });
    const received: unknown[] = [];
    for (const pattern of ['a.:x', 'a.*', 'a.:y', 'a.*']) {
      service.observePattern(pattern).subscribe((it) => received.push([it.pattern, it.params]));
    }
    await redis.patterns(1);
    await service.publish('a.1', 'x');
    await eventually(() => received.length === 4);
    expect(received).toEqual([
      ['a.:x', { x: '1' }],
      ['a.*', {}],
      ['a.:y', { y: '1' }],
      ['a.*', {}],
    ]);
  });

  it('sends SUBSCRIBE for a pattern without wildcards', async () => {
    const { service } = await startService(redis);
    service.observePattern('plain.a').subscribe();
    await redis.subscribers('plain.a', 1);
    expect(await service.patternCount()).toBe(0);
  });

  it('receives no replies to requests', async () => {
    const { service } = await startService(redis);
    const received: string[] = [];
    service.observePattern('*').subscribe(({ channel }) => received.push(channel));
    await redis.patterns(1);
    await redis.client.publish('_pubsub.inbox.1', '{"id":"1","response":1,"isDisposed":true}');
    await redis.client.publish('any.reply', '{"id":"1","response":1,"isDisposed":true}');
    await redis.client.publish('any', '1');
    await eventually(() => received.length > 0);
    expect(received).toEqual(['any']);
  });
});
