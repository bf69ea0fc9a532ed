import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  CommandRefusedError,
  ConnectionError,
  RedisPubSubClient,
  RedisPubSubServer,
  RedisPubSubService,
  RequestTimeoutError,
  Subscribe,
} from 'nestjs-redis-pubsub';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { handleTracing } from '../../../src/telemetry.js';
import { serverOf } from '../../../src/testing/in-memory-redis.js';
import { closeAll, createClient } from '../../support/app.js';
import { startInMemory } from '../../support/in-memory-app.js';

afterEach(async () => {
  vi.useRealTimers();
  await closeAll();
});

@Injectable()
class Users {
  readonly heard: unknown[] = [];

  @Subscribe('user.*')
  onUser(data: unknown): void {
    this.heard.push(data);
  }

  @MessagePattern('user.get')
  get(): string {
    return 'Ada';
  }
}

const USERS = { providers: [Users] };
const address = 'redis://127.0.0.1:1';

describe('InMemoryRedis#publish', () => {
  it('sends text and bytes as they are, and other values as JSON', async () => {
    const { app, redis, recorder } = await startInMemory(USERS);
    redis.publish('user.1', '{"a":1}');
    redis.publish('user.1', Buffer.from('[2]'));
    redis.publish('user.1', { a: 3 });
    redis.publish('user.1', undefined);
    await recorder.idle();
    expect(app.get(Users).heard.slice(0, 3)).toEqual([{ a: 1 }, [2], { a: 3 }]);
  });

  it('reaches shard channels with `sharded`, and no other ones', async () => {
    const { app, redis } = await startInMemory({});
    await app.get(RedisPubSubService).subscribe('news', () => undefined, { sharded: true });
    expect(redis.publish('news', 1)).toBe(0);
    expect(redis.publish('news', 1, { sharded: true })).toBe(1);
  });
});

describe('InMemoryRedis#run', () => {
  it('leads connections of any address here, also those that are created later', async () => {
    const redis = new InMemoryRedis();
    const client = await redis.run(async () => {
      await setTimeout(1);
      return createClient({ connection: address });
    });
    await client.connect();
    expect(await firstValueFrom(client.emit('a', 1))).toBe(0);
  });

  it('does not affect another run at the same time, nor code outside of it', async () => {
    const [one, other] = [new InMemoryRedis(), new InMemoryRedis()];
    const connect = async (): Promise<RedisPubSubService> => {
      await setTimeout(1);
      const { app } = await startInMemory(USERS, { connection: address });
      return app.get(RedisPubSubService);
    };
    // The inner run counts.
    const [first] = await Promise.all([one.run(connect), one.run(() => other.run(connect))]);
    expect(await first.publish('user.1', 'one')).toBe(1);
    expect([one.publish('user.1', 1), other.publish('user.1', 1)]).toEqual([1, 1]);
    const outside = createClient({ connection: address });
    await expect(outside.connect()).rejects.toThrow(ConnectionError);
  });

  it('returns what the work returns, and throws what it throws', () => {
    const redis = new InMemoryRedis();
    expect(redis.run(() => 7)).toBe(7);
    expect(() =>
      redis.run(() => {
        throw new Error('no');
      }),
    ).toThrow('no');
  });
});

describe('an application over an InMemoryRedis', () => {
  it('has no ioredis client', async () => {
    const { app } = await startInMemory(USERS);
    expect(app.get(RedisPubSubServer).unwrap()).toEqual([]);
    expect(app.get(RedisPubSubClient).unwrap()).toEqual([]);
  });

  it('leaves nothing open when it is closed', async () => {
    const before = process.getActiveResourcesInfo();
    const { app, recorder } = await startInMemory(USERS);
    await firstValueFrom(app.get(RedisPubSubClient).send('user.get', 1));
    await app.get(RedisPubSubService).subscribe('news', () => undefined);
    await recorder.idle();
    await app.close();
    const opened = process.getActiveResourcesInfo();
    // A timer of the test runner may have ended.
    for (const resource of before) opened.splice(opened.indexOf(resource) >>> 0, 1);
    expect(opened).toEqual([]);
  });

  it('leaves no subscription and no listener after a hundred starts', async () => {
    const redis = new InMemoryRedis();
    for (let count = 0; count < 100; count++) {
      const { app, recorder } = await startInMemory(USERS, { redis });
      expect(redis.publish('user.1', count)).toBe(1);
      expect(await recorder.waitFor('user.1')).toMatchObject({ data: count });
      await app.close();
      recorder.close();
    }
    const { subscriptions, isIdle } = serverOf(redis);
    expect([...subscriptions.channels('*', 'channel'), subscriptions.patterns]).toEqual([0]);
    expect([isIdle, handleTracing.hasSubscribers]).toEqual([true, false]);
  });

  it('works with fake timers from the start to the close', async () => {
    vi.useFakeTimers();
    const { app, redis, recorder } = await startInMemory(USERS);
    const client = app.get(RedisPubSubClient);
    expect(await firstValueFrom(client.send('user.get', 1))).toBe('Ada');
    redis.publish('user.1', 1);
    await recorder.idle();
    expect(recorder.handled('user.1')).toHaveLength(1);
    await app.close();
  });

  it('has its delays on the fake clock', async () => {
    vi.useFakeTimers();
    const { app, redis } = await startInMemory(USERS);
    redis.delay(1_000);
    redis.publish('user.1', 1);
    await vi.advanceTimersByTimeAsync(990);
    expect(app.get(Users).heard).toEqual([]);
    await vi.advanceTimersByTimeAsync(20);
    expect(app.get(Users).heard).toEqual([1]);
  });

  it('fails a buffered message exactly after the maxAge of the fake clock', async () => {
    vi.useFakeTimers();
    const { app, redis } = await startInMemory({});
    redis.cut();
    const failures: unknown[] = [];
    const published = app.get(RedisPubSubService).publish('news', 1);
    published.catch((error: unknown) => failures.push(error));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(failures).toEqual([expect.any(ConnectionError)]);
  });

  it('ends a request that is not answered after the requestTimeout of the fake clock', async () => {
    vi.useFakeTimers();
    const { app, redis } = await startInMemory(USERS, { requestTimeout: 5_000 });
    redis.deafen();
    const answer = firstValueFrom(app.get(RedisPubSubClient).send('user.get', 1));
    await Promise.all([
      expect(answer).rejects.toThrow(RequestTimeoutError),
      vi.advanceTimersByTimeAsync(5_000),
    ]);
  });
});

describe('a fault', () => {
  it('"cut" is a gap of each handler after "restore", and keeps what the application published', async () => {
    const { app, redis, recorder } = await startInMemory(USERS);
    const gap = firstValueFrom(app.get(RedisPubSubServer).gaps);
    redis.cut();
    expect(redis.publish('user.1', 'lost')).toBe(0);
    const kept = app.get(RedisPubSubService).publish('user.1', 'kept');
    redis.restore();
    expect((await gap).from).toBeInstanceOf(Date);
    expect(await kept).toBe(1);
    await recorder.idle();
    expect(app.get(Users).heard).toEqual(['kept']);
  });

  it('"deafen" is the status `starving`, and a gap after "restore"', async () => {
    const { app, redis } = await startInMemory(USERS);
    const { status, gaps } = app.get(RedisPubSubServer);
    const seen: string[] = [];
    status.subscribe((it) => seen.push(it));
    const gap = firstValueFrom(gaps);
    redis.deafen();
    expect(redis.publish('user.1', 'lost')).toBe(1);
    redis.restore();
    await gap;
    expect(seen).toContain('starving');
    expect(app.get(Users).heard).toEqual([]);
  });

  it('"refuse" refuses a command for the names of the glob, until "restore"', async () => {
    const { app, redis } = await startInMemory({}, { prefix: 'shop:' });
    const pubsub = app.get(RedisPubSubService);
    redis.refuse('PUBLISH', 'shop:order.*');
    redis.refuse('SUBSCRIBE', 'shop:secret');
    await expect(pubsub.publish('order.1', 1)).rejects.toThrow(CommandRefusedError);
    await expect(pubsub.subscribe('secret', () => undefined)).rejects.toThrow(CommandRefusedError);
    expect(await pubsub.publish('user.1', 1)).toBe(0);
    redis.restore();
    expect(await pubsub.publish('order.1', 1)).toBe(0);
    await pubsub.subscribe('secret', () => undefined);
  });

  it('"dropNext" loses that many messages at each subscriber, and none of the replies', async () => {
    const { app, redis, recorder } = await startInMemory(USERS);
    redis.dropNext(2);
    for (const data of [1, 2, 3]) redis.publish('user.1', data);
    await recorder.idle();
    expect(app.get(Users).heard).toEqual([3]);
  });
});
