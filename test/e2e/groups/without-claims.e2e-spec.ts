import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  OnKeyEvent,
  RedisPubSubModule,
  RedisPubSubService,
  Subscribe,
  type HandlerOptions,
} from 'nestjs-redis-pubsub';
import { InMemoryRedis } from 'nestjs-redis-pubsub/testing';
import { createClient, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';
import { collect, startMember, startMembers } from './members.js';

const EVENT = 'order.paid';

const start = (
  redis: InMemoryRedis,
  group: HandlerOptions['group'] = 'billing',
  extras: HandlerOptions = {},
) =>
  startMembers(2, {
    pattern: EVENT,
    extras: { ...extras, group },
    options: { connection: redis },
  });

/** A member that handles one message, while another one waits for it. */
async function startBusy(redis: InMemoryRedis) {
  const gate = new Gate();
  const member = await startMember(0, {
    pattern: EVENT,
    extras: { group: 'billing', concurrency: 1 },
    options: { connection: redis },
    handle: () => gate.opened,
  });
  const client = createClient({ connection: redis });
  for (const data of [1, 2]) await firstValueFrom(client.emit(EVENT, data));
  await eventually(() => member.received.length === 1);
  return { gate, member };
}

describe('a message of a group', () => {
  it('without an id is dropped, and the log says what to do', async () => {
    const redis = new InMemoryRedis();
    const drops = collect('drop');
    const members = await start(redis);
    redis.publish(EVENT, { total: 7 });
    await eventually(() => drops.length === 2);
    expect(drops[0]).toEqual({ transport: 'redis-pubsub', channel: EVENT, reason: 'no-id' });
    expect(members.flatMap(({ received }) => received)).toEqual([]);
    expect(members[1]?.log.of('error')).toContain(
      'The group "billing" dropped a message on "order.paid" that has no id. Let its publisher send ids, or set withoutId to "all"',
    );
  });

  it('without an id is handled by each member with `withoutId: "all"`', async () => {
    const redis = new InMemoryRedis();
    const members = await start(redis, { name: 'billing', withoutId: 'all' });
    redis.publish(EVENT, { total: 7 });
    const client = createClient({ connection: redis, messageIds: false });
    await firstValueFrom(client.emit(EVENT, { total: 8 }));
    await eventually(() => members.every(({ received }) => received.length === 2));
    await firstValueFrom(createClient({ connection: redis }).emit(EVENT, { total: 9 }));
    await eventually(() => members.flatMap(({ received }) => received).length >= 5);
    const received = members.map((it) => it.received.slice(0, 2));
    expect(received).toEqual([
      [{ total: 7 }, { total: 8 }],
      [{ total: 7 }, { total: 8 }],
    ]);
  });

  it('with an id of any form is shared', async () => {
    const redis = new InMemoryRedis();
    const members = await start(redis);
    const send = (mid: string): number => redis.publish(EVENT, { pattern: EVENT, data: mid, mid });
    const ids = ['a', 'order-1', 'ABCDefgh.1-1', 'ABCDefgh.1-8192', 'ABCDefgh.1-999999999999999'];
    for (const id of [...ids, ...ids]) send(id);
    await eventually(() => members.flatMap(({ received }) => received).length === ids.length);
    expect(members.flatMap(({ received }) => received).toSorted()).toEqual(ids.toSorted());
  });

  it('counts as claimed on its own channel only, whatever id another publisher gives to one elsewhere', async () => {
    const redis = new InMemoryRedis();
    const options = { connection: redis };
    const extras = { group: 'billing' };
    const member = await startMember(0, { pattern: 'order.*', extras, options });
    for (const mid of ['ABCDefgh.1-1', 'other']) {
      for (const pattern of ['order.paid', 'order.sent', 'order.paid']) {
        redis.publish(pattern, { pattern, data: pattern, mid });
      }
    }
    await eventually(() => member.received.length === 4);
    expect(member.received).toEqual(['order.paid', 'order.sent', 'order.paid', 'order.sent']);
  });

  it('is dropped if Redis refuses the claim', async () => {
    const redis = new InMemoryRedis();
    const drops = collect('drop');
    const members = await start(redis);
    redis.refuse('BITFIELD', '_pubsub.claim.billing.*');
    await firstValueFrom(createClient({ connection: redis }).emit(EVENT, 1));
    await eventually(() => drops.length === 2);
    expect(drops[0]).toMatchObject({ channel: EVENT, reason: 'unclaimed' });
    expect(drops[0]?.error?.message).toMatch(
      /^Redis refused to claim "_pubsub\.claim\.billing\.[\w-]{22}\.0": NOPERM/,
    );
    expect(members[1]?.log.of('error')).toContainEqual(
      expect.stringMatching(
        /^The group "billing" dropped a message on "order.paid" that it could not claim: Redis refused/,
      ) as string,
    );
    redis.restore();
    await firstValueFrom(createClient({ connection: redis }).emit(EVENT, 2));
    await eventually(() => members.flatMap(({ received }) => received).length === 1);
  });

  it('is dropped if the connection is lost when it would start', async () => {
    const redis = new InMemoryRedis();
    const drops = collect('drop');
    const { gate, member } = await startBusy(redis);
    redis.cut();
    gate.open();
    await eventually(() => drops.length === 1);
    expect(drops[0]).toMatchObject({ reason: 'unclaimed' });
    expect(drops[0]?.error?.message).toMatch(/^Cannot claim ".*": not connected to Redis$/);
    expect(member.received).toEqual([1]);
  });

  it('is dropped if it has waited for so long that Redis may have forgotten another claim', async () => {
    const redis = new InMemoryRedis();
    const drops = collect('drop');
    const { gate, member } = await startBusy(redis);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 151_000 });
    gate.open();
    await eventually(() => drops.length === 1);
    expect(drops[0]).toEqual({ transport: 'redis-pubsub', channel: EVENT, reason: 'late' });
    expect(member.received).toEqual([1]);
    expect(member.log.of('error')).toContain(
      'The group "billing" dropped a message on "order.paid" that may be more than 150 seconds old: another member may have handled it',
    );
  });
});

afterEach(() => vi.useRealTimers());

describe('a process that stood still', () => {
  const redis = useRedis();

  it('drops what it reads until Redis has answered it again', async () => {
    const drops = collect('drop');
    const member = await startMember(0, {
      pattern: EVENT,
      extras: { group: 'billing' },
      options: { connection: redis.url, pingInterval: 60_000 },
    });
    const client = createClient({ connection: redis.url });
    await firstValueFrom(client.emit(EVENT, 1));
    await eventually(() => member.received.length === 1);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 151_000 });
    await firstValueFrom(client.emit(EVENT, 2));
    await eventually(() => drops.length === 1);
    expect(drops[0]).toMatchObject({ reason: 'late' });
    // A new connection has nothing that is older than it.
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually(async () => {
      await firstValueFrom(client.emit(EVENT, 3));
      return member.received.length > 1;
    });
    expect(member.received.slice(0, 2)).toEqual([1, 3]);
  });
});

describe('the option "group"', () => {
  const connection = new InMemoryRedis();

  const refusal = async (controller: object, options = {}): Promise<string> => {
    const module = { module: class {}, controllers: [controller] };
    const error = await startService(module, { connection, ...options }).catch((it: unknown) => it);
    return error instanceof Error ? error.message : 'none';
  };

  const refusalOf = (group: unknown, options?: object): Promise<string> => {
    @Controller()
    class Billing {
      @EventPattern<string>(EVENT, { group })
      onPaid() {}
    }
    return refusal(Billing, options);
  };

  const NAME = 'a name of 1 to 64 letters, digits, ".", "_", "-" or ":"';

  it.each([
    ['', `Expected "group" to be ${NAME}, got ""`],
    [7, `Expected "group" to be ${NAME}, got 7`],
    ['a b', `Expected "group" to be ${NAME}, got "a b"`],
    ['{a}', `Expected "group" to be ${NAME}, got "{a}"`],
    [{}, `Expected "group.name" to be ${NAME}, got undefined`],
    [
      { name: 'a', withoutId: 'none' },
      'Expected "group.withoutId" to be "drop" or "all", got "none"',
    ],
    [
      { name: 'a', size: 3 },
      'Expected "group" to be an object with nothing but name and withoutId, got "size"',
    ],
  ])('refuses %o', async (group, message) => {
    expect(await refusalOf(group)).toBe(`${message} (in the decorator of Billing.onPaid)`);
  });

  it('is refused where messages have no ids, and where their age is not known', async () => {
    expect(await refusalOf('a', { codec: 'json' })).toContain(
      'Expected "group" to be absent where the codec has no place for ids',
    );
    expect(await refusalOf('a', { pingInterval: 60_001 })).toContain(
      'Expected "pingInterval" to be at most 60000 for a handler with "group", got 60001',
    );
    expect(await refusalOf('a', { pingInterval: 60_000 })).toBe('none');
  });

  it('is refused for a misspelt name, and for keys', async () => {
    @Controller()
    class Misspelt {
      @Subscribe(EVENT, { grup: 'a' } as HandlerOptions)
      onPaid() {}
    }
    expect(await refusal(Misspelt)).toContain('did you mean "group"?');
    @Controller()
    class Keys {
      @OnKeyEvent('expired', '*', { group: 'a' } as object)
      onExpired() {}
    }
    expect(await refusal(Keys)).toContain(
      'Expected "group" to be absent, since the notifications of keys have no ids',
    );
  });

  it('is refused for observers, of which each would handle each message', async () => {
    const redis = new InMemoryRedis();
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis })],
    });
    const service = app.get(RedisPubSubService);
    const options = { group: 'billing' } as object;
    const refused = 'Expected "group" to be absent: only a handler, as of @Subscribe, has one';
    expect(() => service.observe(EVENT, options)).toThrow(refused);
    await expect(service.subscribe(EVENT, () => undefined, options)).rejects.toThrow(refused);
  });

  it('is refused for two handlers of one server that hear the same messages', async () => {
    @Controller()
    class Billing {
      @EventPattern<string>('order.*', { group: 'billing' })
      onOrder() {}

      @EventPattern<string>(EVENT, { group: 'billing' })
      onPaid() {}
    }
    expect(await refusal(Billing)).toBe(
      'Expected "group" to be another one than that of the handler of "order.*", since one of the two would handle each message of both, got "billing" (in the decorator of Billing.onPaid)',
    );
    @Controller()
    class Apart {
      @EventPattern<string>('order.*', { group: 'billing' })
      onOrder() {}

      @EventPattern<string>(EVENT, { group: 'mail' })
      onPaid() {}

      @EventPattern<string>('user.*', { group: 'billing' })
      onUser() {}

      @Subscribe(['mail.*', 'mail.sent'], { group: 'billing' })
      onMail() {}

      @MessagePattern('user', { group: 'billing' })
      get() {}
    }
    expect(await refusal(Apart)).toBe('none');
  });
});
