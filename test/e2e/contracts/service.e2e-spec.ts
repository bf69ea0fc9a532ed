import { IsString } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineEvents, dto, PayloadError } from 'nestjs-redis-pubsub';
import { eventually, useRedis } from '../../support/redis.js';
import { failureOf } from '../module/apps.js';
import { Gate } from '../../support/gate.js';
import { startService } from '../module/service-app.js';

class UserDto {
  @IsString()
  name!: string;
}

const events = defineEvents({
  'user.:id.created': z.object({ name: z.string() }),
  'order.paid': z.string().transform((id) => ({ id })),
  'user.slow': dto(UserDto),
});
const INVALID_USER = 'user: Invalid input: expected string, received number';

describe('the service of a contract', () => {
  const redis = useRedis();

  it('publishes what the schema takes, and observes what it returns', async () => {
    const { service } = await startService(redis);
    const typed = events.service(service);
    const received: unknown[] = [];
    await new Promise<void>((resolve) => {
      typed
        .observe('order.paid', { onSubscribed: () => resolve() })
        .subscribe(({ data, channel }) => received.push([data.id, channel]));
    });
    expect(await typed.publish('order.paid', '7')).toBe(1);
    await eventually(() => received.length > 0);
    expect(received).toEqual([['7', 'order.paid']]);
  });

  it('observes all channels of a name, and one of them, with typed parameters', async () => {
    const { service } = await startService(redis);
    const typed = events.service(service);
    const received: unknown[] = [];
    await typed.subscribe('user.:id.created', ({ data, params, pattern }) => {
      received.push([data.name, params.id, pattern]);
    });
    await typed.subscribe(['user.:id.created', { id: 7 }], ({ data, params, pattern }) => {
      received.push([data.name, params.id, pattern]);
    });
    await typed.publish(['user.:id.created', { id: 8 }], { name: 'Bob' });
    await typed.publish(['user.:id.created', { id: 7 }], { name: 'Ada' });
    await eventually(() => received.length === 3);
    expect(received).toEqual(
      expect.arrayContaining([
        ['Bob', '8', 'user.:id.created'],
        ['Ada', '7', 'user.:id.created'],
        ['Ada', '7', 'user.7.created'],
      ]),
    );
  });

  it('rejects what the schema refuses, and a wrong channel', async () => {
    const { service } = await startService(redis);
    const typed = events.service(service);
    expect(await failureOf(typed.publish('user.slow', { name: 5 } as never))).toBeInstanceOf(
      PayloadError,
    );
    expect(await failureOf(typed.publish('order.paid', 5 as never))).toBeInstanceOf(PayloadError);
    expect(await failureOf(typed.publish('order.payd' as never, 'x' as never))).toMatchObject({
      code: 'ERR_PUBSUB_INVALID_OPTION',
    });
    expect(await failureOf(typed.publish(['user.:id.created', { id: '' }], 1 as never))).toEqual(
      expect.objectContaining({ statusCode: 400 }),
    );
  });

  it.each(['observe', 'subscribe'] as const)(
    'leaves out what the schema refuses with a warning in %s, and keeps the order',
    async (verb) => {
      const { service, log } = await startService(redis);
      const typed = events.service(service);
      const received: string[] = [];
      const onUser = ({ data }: { data: UserDto }) => {
        expect(data).toBeInstanceOf(UserDto);
        received.push(data.name);
      };
      await (verb === 'subscribe'
        ? typed.subscribe('user.slow', onUser)
        : new Promise<void>((resolve) => {
            typed.observe('user.slow', { onSubscribed: () => resolve() }).subscribe(onUser);
          }));
      await service.publish('user.slow', { name: 5 });
      for (const name of ['a', 'b', 'c']) await service.publish('user.slow', { name });
      await eventually(() => received.length === 3);
      expect(received).toEqual(['a', 'b', 'c']);
      expect(log.of('warn')).toEqual([
        'Left out a message on "user.slow": The message for "user.slow" does not match its contract: name: name must be a string',
      ]);
      expect(log.of('error')).toEqual([]);
    },
  );

  it.each(['observe', 'subscribe'] as const)(
    'keeps the order in %s where the first message takes the longest to validate',
    async (verb) => {
      const gate = new Gate();
      const slowest = defineEvents({
        'first.slow': z.number().refine(async (n) => {
          if (n === 1) await gate.opened;
          return true;
        }),
      });
      const { service } = await startService(redis);
      const typed = slowest.service(service);
      const received: number[] = [];
      const onMessage = ({ data }: { data: number }) => void received.push(data);
      await (verb === 'subscribe'
        ? typed.subscribe('first.slow', onMessage)
        : new Promise<void>((resolve) => {
            typed.observe('first.slow', { onSubscribed: () => resolve() }).subscribe(onMessage);
          }));
      const heard: unknown[] = [];
      await service.subscribe('first.slow', ({ data }) => heard.push(data));
      for (const n of [1, 2, 3]) await service.publish('first.slow', n);
      await eventually(() => heard.length === 3);
      gate.open();
      await eventually(() => received.length === 3);
      expect(received).toEqual([1, 2, 3]);
    },
  );

  it('calls handlers without waiting for the ones before, in the order of the messages', async () => {
    const gate = new Gate();
    const { service } = await startService(redis);
    const typed = events.service(service);
    const called: string[] = [];
    await typed.subscribe('user.slow', async ({ data }) => {
      called.push(data.name);
      await gate.opened;
    });
    for (const name of ['a', 'b']) await service.publish('user.slow', { name });
    await eventually(() => called.length === 2);
    gate.open();
    expect(called).toEqual(['a', 'b']);
  });

  it('logs a schema that throws, and goes on', async () => {
    const { service, log } = await startService(redis);
    const throwing = defineEvents({
      'bad.schema': z.number().transform((n) => {
        if (n === 1) throw new TypeError(INVALID_USER);
        return n;
      }),
    }).service(service);
    const received: number[] = [];
    await throwing.subscribe('bad.schema', ({ data }) => received.push(data));
    await service.publish('bad.schema', 1);
    await service.publish('bad.schema', 2);
    await eventually(() => received.length > 0);
    expect(received).toEqual([2]);
    expect(log.of('warn')).toEqual([`Left out a message on "bad.schema": ${INVALID_USER}`]);
  });
});
