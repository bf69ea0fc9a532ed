import { firstValueFrom, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { eventually, useRedis } from '../../support/redis.js';
import { startService } from '../module/service-app.js';

const redis = useRedis(['--notify-keyspace-events', 'AKE']);

describe('an observer of keys', () => {
  it('emits each event of the keys that its pattern matches', async () => {
    const { service } = await startService(redis);
    let subscribed = 0;
    const heard = firstValueFrom(
      service
        .observeKeys('user::id', { onSubscribed: () => subscribed++ })
        .pipe(take(3), toArray()),
    );
    await eventually(() => subscribed === 1);
    await redis.client.set('user:1', 'a');
    await redis.client.set('user:1:x', 'a');
    await redis.client.expire('user:1', 100);
    await redis.client.del('user:1');
    expect((await heard).map(({ key, event, params }) => [key, event, params])).toEqual([
      ['user:1', 'set', { id: '1' }],
      ['user:1', 'expire', { id: '1' }],
      ['user:1', 'del', { id: '1' }],
    ]);
  });

  it('of one event emits the keys that its pattern matches', async () => {
    const { service } = await startService(redis);
    const heard: string[] = [];
    let subscribed = 0;
    service
      .observeKeyEvent('set', 'one:[ab]', { onSubscribed: () => subscribed++ })
      .subscribe(({ key }) => heard.push(key));
    await eventually(() => subscribed === 1);
    for (const key of ['one:a', 'one:c', 'one:b']) await redis.client.set(key, 1);
    await eventually(() => heard.length === 2);
    expect(heard).toEqual(['one:a', 'one:b']);
  });

  it('ends its subscription with the last observer, and completes when the application closes', async () => {
    const { service, app } = await startService(redis);
    const channel = '__keyspace@0__:ended';
    const subscription = service.observeKeys('ended').subscribe();
    await redis.subscribers(channel, 1);
    subscription.unsubscribe();
    await redis.subscribers(channel, 0);
    let completed = 0;
    service.observeKeys('ended').subscribe({ complete: () => completed++ });
    await redis.subscribers(channel, 1);
    await app.close();
    expect(completed).toBe(1);
    service.observeKeys('ended').subscribe({ complete: () => completed++ });
    await eventually(() => completed === 2);
  });

  it('that ends at once never subscribes', async () => {
    const { service } = await startService(redis);
    service.observeKeys('never').subscribe().unsubscribe();
    const subscribed = service.observeKeys('after').subscribe();
    await redis.subscribers('__keyspace@0__:after', 1);
    expect(await redis.client.pubsub('NUMSUB', '__keyspace@0__:never')).toContain(0);
    subscribed.unsubscribe();
  });

  it('tells the time in which it may have missed events', async () => {
    const { service } = await startService(redis);
    const gaps: boolean[] = [];
    service.observeKeys('gap', { onSubscribed: (gap) => gaps.push(gap !== undefined) }).subscribe();
    await eventually(() => gaps.length === 1);
    await redis.killConnections();
    await eventually(() => gaps.length === 2);
    expect(gaps).toEqual([false, true]);
  });

  it('refuses wrong arguments at once, with an error that names them', async () => {
    const { service } = await startService(redis);
    expect(() => service.observeKeys('')).toThrow('Expected "pattern" to be a key');
    expect(() => service.observeKeys('a', { database: 1.5 })).toThrow('Expected "database"');
    expect(() => service.observeKeys('a', { events: 'set' as never })).toThrow('Expected "events"');
    expect(() => service.observeKeyEvent('*')).toThrow('Expected "event"');
    expect(() => service.observeKeys('a', { onSubscribed: 1 as never })).toThrow('onSubscribed');
    expect(() => service.observeKeys('a', { event: 'set' } as never)).toThrow(
      'Unknown option "event": did you mean "events"?',
    );
    expect(() => service.observeKeyEvent('set', 'a', { field: 'b' } as never)).toThrow(
      'Unknown option "field". There are database, onSubscribed',
    );
    expect(() => service.observeKeys('a', null as never)).toThrow('"options" to be an object');
    expect(() => service.observeKeys('a::id:x::id')).toThrow('distinct parameters');
  });
});
