import { setTimeout } from 'node:timers/promises';
import { BadRequestException, Injectable, ParseIntPipe, type Type } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { firstValueFrom, from, lastValueFrom } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  RedisPubSubClient,
  RedisPubSubRecordBuilder,
  RedisPubSubService,
  Subscribe,
  type Codec,
} from 'nestjs-redis-pubsub';
import { InMemoryRedis, PubSubRecorder } from 'nestjs-redis-pubsub/testing';
import { closeAll } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { startInMemory } from '../../support/in-memory-app.js';

afterEach(async () => {
  vi.useRealTimers();
  await closeAll();
});

@Injectable()
class Users {
  @Subscribe('user.:id.:event')
  onUser(@Payload() _user: unknown): void {}
}

@Injectable()
class Strict {
  @Subscribe('count')
  onCount(@Payload('value', ParseIntPipe) _value: number): void {}
}

/** A provider whose handler of `job` does what a test gives it. */
function jobs(work: (data: unknown) => unknown, options = {}): Type {
  @Injectable()
  class Jobs {
    @Subscribe('job', options)
    onJob(@Payload() data: unknown): unknown {
      return work(data);
    }
  }
  return Jobs;
}

const USERS = { providers: [Users] };

/** Why a message is not handled that never comes. */
function failure(recorder: PubSubRecorder): Promise<string> {
  return recorder.waitFor('never', undefined, { timeout: 5 }).then(String, String);
}

describe('published', () => {
  it('has the channel without prefix, the data, the headers and the number of receivers', async () => {
    const { app, recorder } = await startInMemory(USERS, { prefix: 'shop:' });
    const record = new RedisPubSubRecordBuilder({ name: 'Ada' }).setHeader('tenant', 't1').build();
    await firstValueFrom(app.get(RedisPubSubClient).emit('user.7.created', record));
    expect(recorder.published()).toEqual([
      { channel: 'user.7.created', data: { name: 'Ada' }, headers: { tenant: 't1' }, receivers: 1 },
    ]);
  });

  it('has the messages of a pattern, in their order', async () => {
    const { app, recorder } = await startInMemory(USERS);
    const pubsub = app.get(RedisPubSubService);
    for (const channel of ['a.1', 'b.1', 'a.2']) await pubsub.publish(channel, channel);
    expect(recorder.published('a.*').map(({ data }) => data)).toEqual(['a.1', 'a.2']);
    expect(recorder.published('a.:id').map(({ data }) => data)).toEqual(['a.1', 'a.2']);
    expect(recorder.published('*')).toHaveLength(3);
    expect(recorder.published('b.1')).toHaveLength(1);
    expect(recorder.published('c')).toEqual([]);
  });

  it('has what the test publishes, read as the application with that prefix reads it', async () => {
    const { redis, recorder } = await startInMemory(USERS, { prefix: 'shop:' });
    expect(redis.publish('shop:user.7.created', { name: 'Ada' })).toBe(1);
    redis.publish('shop:user.7.left', JSON.stringify({ pattern: 'user.7.left', data: 1 }));
    redis.publish('other', 'not JSON');
    expect(recorder.published()).toMatchObject([
      { channel: 'user.7.created', data: { name: 'Ada' }, receivers: 1 },
      { channel: 'user.7.left', data: 1, receivers: 1 },
      { channel: 'other', data: 'not JSON', receivers: 0 },
    ]);
  });

  it('has no message that this package sends itself, such as a reply', async () => {
    @Injectable()
    class Answers {
      @MessagePattern('ask')
      answer(): string {
        return 'yes';
      }
    }
    const { app, recorder } = await startInMemory({ providers: [Answers] });
    expect(await firstValueFrom(app.get(RedisPubSubClient).send('ask', 1))).toBe('yes');
    await recorder.idle();
    expect(recorder.published().map(({ channel }) => channel)).toEqual(['ask']);
    expect(recorder.handled().map(({ channel }) => channel)).toEqual(['ask']);
  });

  it('reads the messages of a codec of its own', async () => {
    const codec: Codec = {
      envelope: false,
      encode: (value) => `<${String(value)}>`,
      decode: (payload) => Buffer.from(payload).toString().slice(1, -1),
    };
    const { app, recorder } = await startInMemory(
      { providers: [jobs(() => undefined)] },
      { codec },
    );
    await app.get(RedisPubSubService).publish('job', 'clean');
    await recorder.idle();
    expect(recorder.published()).toMatchObject([{ data: 'clean' }]);
    expect(recorder.handled()).toMatchObject([{ data: 'clean' }]);
  });
});

describe('handled', () => {
  it('has the pattern of the handler, and the parameters of the pattern that is asked for', async () => {
    const { redis, recorder } = await startInMemory(USERS, { prefix: 'shop:' });
    redis.publish('shop:user.7.created', { name: 'Ada' });
    await recorder.idle();
    const message = {
      channel: 'user.7.created',
      pattern: 'user.:id.:event',
      data: { name: 'Ada' },
      headers: {},
    };
    expect(recorder.handled()).toEqual([{ ...message, params: {} }]);
    expect(recorder.handled('user.:who.created')).toEqual([{ ...message, params: { who: '7' } }]);
    expect(recorder.handled('user.:who.left')).toEqual([]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('has the error of a handler that %s', async (_, work) => {
    const { redis, recorder } = await startInMemory({ providers: [jobs(work)] });
    redis.publish('job', 1);
    const { error } = await recorder.waitFor('job');
    expect(error).toMatchObject({ message: 'no' });
  });

  it('has the error of a pipe, which kept the message from the handler', async () => {
    const { redis, recorder } = await startInMemory({ providers: [Strict] });
    redis.publish('count', { value: 'two' });
    expect((await recorder.waitFor('count')).error).toBeInstanceOf(BadRequestException);
    redis.publish('count', { value: '2' });
    const { error } = await recorder.waitFor<{ value: string }>(
      'count',
      ({ data }) => data.value === '2',
    );
    expect(error).toBeUndefined();
  });

  it('has the messages of observers', async () => {
    const { app, redis, recorder } = await startInMemory({});
    await app.get(RedisPubSubService).subscribe('news', () => undefined);
    redis.publish('news', 'rain');
    expect(await recorder.waitFor('news')).toMatchObject({ pattern: 'news', data: 'rain' });
  });

  it('has a message once for each handler that it reached', async () => {
    const both = [jobs(() => undefined), jobs(() => undefined)];
    const { redis, recorder } = await startInMemory({ providers: both });
    redis.publish('job', 1);
    await recorder.idle();
    expect(recorder.handled()).toHaveLength(2);
  });
});

describe('waitFor', () => {
  it('resolves at once if the message was handled before', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    redis.publish('user.7.created', 1);
    await recorder.idle();
    expect(await recorder.waitFor('user.:id.created')).toMatchObject({ params: { id: '7' } });
  });

  it('waits for a message that is published later', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    const message = recorder.waitFor('user.*');
    redis.publish('user.7.created', 1);
    expect(await message).toMatchObject({ channel: 'user.7.created' });
  });

  it('waits for the message that the predicate accepts', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    const message = recorder.waitFor<number>('user.*', ({ data }) => data === 3);
    for (const data of [1, 2, 3, 4]) redis.publish('user.7.created', data);
    expect((await message).data).toBe(3);
  });

  it('rejects after its timeout, and names what was handled and published', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    redis.publish('user.7.created', { name: 'Ada' });
    redis.publish('order.1', 'lost');
    await recorder.idle();
    const message = recorder.waitFor('order.*', undefined, { timeout: 20 });
    await expect(message).rejects.toThrow(
      'Expected a handled message on "order.*" within 20 ms. ' +
        `Handled: "user.7.created" { name: 'Ada' }. Published on it: "order.1" 'lost'`,
    );
  });

  it('says that there were none, and its stack shows the test', async () => {
    const { recorder } = await startInMemory(USERS);
    const error = await recorder.waitFor('a', undefined, { timeout: 5 }).catch((it: Error) => it);
    expect(error).toMatchObject({
      message:
        'Expected a handled message on "a" within 5 ms. Handled: none. Published on it: none',
      stack: expect.stringContaining('pub-sub-recorder.spec.ts') as string,
    });
  });

  it('says what may be why: no init, a fault, a prefix that is missing, a handler that runs', async () => {
    const unused = new PubSubRecorder(new InMemoryRedis());
    expect(await failure(unused)).toContain(
      'No application is connected to this Redis: call init() first',
    );
    unused.close();
    expect(await failure(unused)).toContain('The recorder is closed');
    const [started, gate] = [new Gate(), new Gate()];
    const work = (): Promise<void> => {
      started.open();
      return gate.opened;
    };
    const { redis, recorder } = await startInMemory(
      { providers: [jobs(work)] },
      { prefix: 'shop:' },
    );
    redis.publish('shop:job', 1);
    await started.opened;
    redis.publish('job', 2);
    redis.deafen();
    const running = await failure(recorder);
    expect(running).toContain('Still running: the handler of "job" on "shop:job"');
    expect(running).toContain('"job" was published without the prefix "shop:"');
    expect(running).toContain('This Redis is deafened: call restore()');
    gate.open();
    redis.cut();
    expect(await failure(recorder)).toContain('This Redis is cut: call restore()');
    redis.restore();
    redis.delay(7);
    expect(await failure(recorder)).toContain('This Redis delays each message by 7 ms');
    redis.restore();
  });

  it('names the error of a handler that failed', async () => {
    const { redis, recorder } = await startInMemory({ providers: [Strict] });
    redis.publish('count', { value: 'two' });
    await recorder.waitFor('count');
    await expect(recorder.waitFor('other', undefined, { timeout: 5 })).rejects.toThrow(
      `Handled: "count" { value: 'two' } (failed: Validation failed (numeric string is expected))`,
    );
  });

  it('resolves to the message that the predicate accepted, whatever it answers later', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    let calls = 0;
    const handled = recorder.waitFor('user.*', () => ++calls === 2);
    redis.publish('user.1.created', 'Ada');
    redis.publish('user.1.created', 'Bob');
    expect(await handled).toMatchObject({ channel: 'user.1.created' });
    expect(calls).toBe(2);
  });

  it('waits without a limit with the timeout Infinity', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    const handled = recorder.waitFor('user.*', undefined, { timeout: Infinity });
    // Node makes one millisecond of a delay that is too long for it.
    await setTimeout(10);
    redis.publish('user.1.created', 'Ada');
    expect(await handled).toMatchObject({ data: 'Ada' });
  });

  it('asks no predicate after its timeout', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    let asked = 0;
    const count = (): boolean => ++asked < 0;
    await expect(recorder.waitFor('user.*', count, { timeout: 5 })).rejects.toThrow('within 5 ms');
    redis.publish('user.7.created', 1);
    await recorder.idle();
    expect(asked).toBe(0);
  });

  it('rejects with what the predicate throws', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    const message = recorder.waitFor('user.*', () => {
      throw new Error('a wrong predicate');
    });
    redis.publish('user.7.created', 1);
    await expect(message).rejects.toThrow('a wrong predicate');
  });
});

describe('idle', () => {
  it('rejects in real time with fake timers', async () => {
    const gate = new Gate();
    const { redis, recorder } = await startInMemory({ providers: [jobs(() => gate.opened)] });
    vi.useFakeTimers();
    redis.publish('job', 1);
    await expect(recorder.idle({ timeout: 20 })).rejects.toThrow('Still running');
    gate.open();
  });

  it('resolves at once if there is nothing to wait for', async () => {
    const { recorder } = await startInMemory(USERS);
    await recorder.idle();
    expect(recorder.handled()).toEqual([]);
  });

  it('waits for a handler that takes time', async () => {
    const gate = new Gate();
    const { redis, recorder } = await startInMemory({ providers: [jobs(() => gate.opened)] });
    redis.publish('job', 1);
    let isIdle = false;
    const idle = recorder.idle().then(() => (isIdle = true));
    await setTimeout(5);
    expect(isIdle).toBe(false);
    gate.open();
    await idle;
    expect(recorder.handled()).toHaveLength(1);
  });

  it('waits for the messages in the queue of a handler', async () => {
    const done: unknown[] = [];
    const work = async (data: unknown): Promise<void> => {
      await setTimeout(2);
      done.push(data);
    };
    const { redis, recorder } = await startInMemory({
      providers: [jobs(work, { concurrency: 1 })],
    });
    for (const data of [1, 2, 3, 4, 5]) redis.publish('job', data);
    await recorder.idle();
    expect(done).toEqual([1, 2, 3, 4, 5]);
  });

  it('waits for messages that handlers publish, however deep', async () => {
    const client: { pubsub?: RedisPubSubService } = {};
    const work = async (depth: unknown): Promise<void> => {
      await setTimeout(1);
      if (Number(depth) < 5) void client.pubsub?.publish('job', Number(depth) + 1);
    };
    const { app, redis, recorder } = await startInMemory({ providers: [jobs(work)] });
    client.pubsub = app.get(RedisPubSubService);
    redis.publish('job', 0);
    await recorder.idle();
    expect(recorder.handled().map(({ data }) => data)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('waits for a stream of replies', async () => {
    @Injectable()
    class Streams {
      @MessagePattern('numbers')
      numbers() {
        return from([1, 2, 3]);
      }
    }
    const { app, recorder } = await startInMemory({ providers: [Streams] });
    const last = lastValueFrom(app.get(RedisPubSubClient).send('numbers', {}));
    await recorder.waitFor('numbers');
    await recorder.idle();
    expect(await last).toBe(3);
  });

  it('waits for messages that are delayed', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    redis.delay(20);
    redis.publish('user.7.created', 1);
    await recorder.idle();
    expect(recorder.handled()).toHaveLength(1);
  });

  it('rejects after its timeout, and names the handlers that still run', async () => {
    const gate = new Gate();
    const { redis, recorder } = await startInMemory({ providers: [jobs(() => gate.opened)] });
    redis.publish('job', 1);
    await expect(recorder.idle({ timeout: 20 })).rejects.toThrow(
      'Expected every handler to end within 20 ms. Still running: the handler of "job" on "job"',
    );
    gate.open();
    await recorder.idle();
  });
});

describe('idle, with handlers that publish without end', () => {
  it('rejects after its timeout', async () => {
    const client: { pubsub?: RedisPubSubService } = {};
    const again = async (): Promise<void> => {
      await client.pubsub?.publish('job', 1);
    };
    const { app, redis, recorder } = await startInMemory({ providers: [jobs(again)] });
    client.pubsub = app.get(RedisPubSubService);
    redis.publish('job', 0);
    await expect(recorder.idle({ timeout: 30 })).rejects.toThrow('to end within 30 ms');
    delete client.pubsub;
  });
});

describe('a recorder', () => {
  it('sees only its own Redis', async () => {
    const [one, other] = await Promise.all([startInMemory(USERS), startInMemory(USERS)]);
    one.redis.publish('user.1.created', 1);
    other.redis.publish('user.2.created', 2);
    await Promise.all([one.recorder.idle(), other.recorder.idle()]);
    expect(one.recorder.handled().map(({ data }) => data)).toEqual([1]);
    expect(other.recorder.handled().map(({ data }) => data)).toEqual([2]);
    expect(one.recorder.published()).toHaveLength(1);
  });

  it('strips the prefix of each of the applications that share a Redis', async () => {
    const one = await startInMemory(USERS, { prefix: 'one:' });
    const { app } = await startInMemory(USERS, { prefix: 'two:', redis: one.redis });
    await app.get(RedisPubSubService).publish('user.2.created', 2);
    one.redis.publish('one:user.1.created', 1);
    await one.recorder.idle();
    const expected = ['user.2.created', 'user.1.created'];
    expect(one.recorder.published().map(({ channel }) => channel)).toEqual(expected);
    expect(one.recorder.handled().map(({ channel }) => channel)).toEqual(expected);
  });

  it('forgets its messages with `clear`', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    redis.publish('user.7.created', 1);
    await recorder.idle();
    recorder.clear();
    expect([...recorder.published(), ...recorder.handled()]).toEqual([]);
  });

  it('waits for no handler after `close`', async () => {
    const [started, gate] = [new Gate(), new Gate()];
    const work = (): Promise<void> => {
      started.open();
      return gate.opened;
    };
    const { redis, recorder } = await startInMemory({ providers: [jobs(work)] });
    redis.publish('job', 1);
    const idle = recorder.idle();
    await started.opened;
    recorder.close();
    await expect(idle).resolves.toBeUndefined();
    await expect(recorder.idle()).resolves.toBeUndefined();
    gate.open();
  });

  it('records nothing after `close`, which may be called twice', async () => {
    const { redis, recorder } = await startInMemory(USERS);
    const other = new PubSubRecorder(redis);
    recorder.close();
    recorder.close();
    redis.publish('user.7.created', 1);
    await other.idle();
    expect([...recorder.published(), ...recorder.handled()]).toEqual([]);
    expect(other.handled()).toHaveLength(1);
    other.close();
  });
});
