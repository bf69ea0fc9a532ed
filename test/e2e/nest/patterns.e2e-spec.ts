import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  NoSubscribersError,
  REDIS_PUBSUB,
  RedisPubSubContext,
  type RedisPubSubClient,
} from 'nestjs-redis-pubsub';
import { createClient, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';

import { eventually, useRedis } from '../../support/redis.js';

const seen: unknown[] = [];

/** Handlers wait until the test opens it. */
let gate = new Gate();

@Controller()
class ByTransport {
  @MessagePattern('transport.none')
  none(): string {
    return 'none';
  }

  @MessagePattern('transport.redis', Transport.REDIS)
  redis(): string {
    return 'redis';
  }

  @MessagePattern('transport.ours', REDIS_PUBSUB)
  ours(): string {
    return 'ours';
  }

  @EventPattern<string>('transport.nats', Transport.NATS)
  nats(): void {
    seen.push('nats');
  }

  @EventPattern<string>('transport.nats.*', Transport.NATS)
  natsGlob(): void {
    seen.push('nats');
  }
}

@Controller()
class PatternController {
  @EventPattern('several.event')
  first(data: unknown): void {
    seen.push(['first', data]);
  }

  @EventPattern('several.event')
  async second(data: unknown): Promise<void> {
    await Promise.resolve();
    seen.push(['second', data]);
  }

  @EventPattern<string>('several.fails')
  fails(): never {
    throw new Error('the other one goes on');
  }

  @EventPattern('several.fails')
  goesOn(data: unknown): void {
    seen.push(['goes on', data]);
  }

  @EventPattern('several.options', { concurrency: 1 })
  async oneByOne(data: unknown): Promise<void> {
    seen.push(['one by one', data]);
    await gate.opened;
  }

  @EventPattern('several.options')
  async atOnce(data: unknown): Promise<void> {
    seen.push(['at once', data]);
    await gate.opened;
  }

  @EventPattern<string[]>(['list.a', 'list.b.*', 'list.c.:id'])
  list(@Payload() data: unknown, @Ctx() context: RedisPubSubContext): void {
    seen.push([context.getPattern(), context.getChannel(), context.getParams(), data]);
  }

  @EventPattern<object>({ type: 'object', area: 7 })
  object(@Payload() data: unknown, @Ctx() context: RedisPubSubContext): void {
    seen.push([context.getPattern(), data]);
  }

  @MessagePattern({ cmd: 'double', args: { of: 'number' } })
  double(value: number): number {
    return 2 * value;
  }

  @EventPattern<number>(4711)
  number(@Payload() data: unknown, @Ctx() context: RedisPubSubContext): void {
    seen.push([context.getPattern(), data]);
  }

  @MessagePattern(4712)
  ask(value: number): number {
    return -value;
  }

  @MessagePattern('several.request')
  early(): string {
    return 'early';
  }

  @MessagePattern('several.request')
  late(): string {
    return 'late';
  }
}

describe('a handler', () => {
  const redis = useRedis();
  let client: RedisPubSubClient;

  beforeEach(() => {
    seen.length = 0;
    gate = new Gate();
    client = createClient({ connection: redis.url });
  });

  const start = (controller: typeof PatternController | typeof ByTransport, options: object = {}) =>
    startService(
      { module: class {}, controllers: [controller] },
      { connection: redis.url, ...options },
    );
  const ask = (pattern: unknown, data: unknown = 0): Promise<unknown> =>
    firstValueFrom(client.send(pattern, data));
  const emit = (pattern: unknown, data: unknown = 0): Promise<number> =>
    firstValueFrom(client.emit(pattern, data));

  it('runs if it names no transport or REDIS_PUBSUB', async () => {
    await start(ByTransport);
    expect(await ask('transport.none')).toBe('none');
    expect(await ask('transport.ours')).toBe('ours');
  });

  it('is not subscribed if it names another transport', async () => {
    await start(ByTransport);
    expect(await emit('transport.nats')).toBe(0);
    expect(await emit('transport.nats.x')).toBe(0);
    await expect(ask('transport.redis')).rejects.toThrow(NoSubscribersError);
    expect(seen).toEqual([]);
  });

  it('with Transport.REDIS runs on a server with that transportId', async () => {
    await start(ByTransport, { transportId: Transport.REDIS });
    expect(await ask('transport.none')).toBe('none');
    expect(await ask('transport.redis')).toBe('redis');
    await expect(ask('transport.ours')).rejects.toThrow(NoSubscribersError);
    expect(await emit('transport.nats')).toBe(0);
  });

  it('runs once per event, as does another handler of the same pattern', async () => {
    await start(PatternController);
    expect(await emit('several.event', 'x')).toBe(1);
    await eventually(() => seen.length >= 2);
    await emit('several.event', 'y');
    await eventually(() => seen.length >= 4);
    expect(seen).toHaveLength(4);
    expect(seen.toSorted()).toEqual([
      ['first', 'x'],
      ['first', 'y'],
      ['second', 'x'],
      ['second', 'y'],
    ]);
  });

  it('runs although another handler of the same pattern fails', async () => {
    const { log } = await start(PatternController);
    await emit('several.fails', 'x');
    await eventually(() => seen.length > 0 && log.of('error').length > 0);
    expect(seen).toEqual([['goes on', 'x']]);
    expect(log.of('error')).toEqual([expect.stringContaining('Error: the other one goes on')]);
  });

  it('keeps its own options beside another handler of the same pattern', async () => {
    await start(PatternController);
    await emit('several.options', 1);
    await emit('several.options', 2);
    await eventually(() => seen.length >= 3);
    const held = seen.splice(0);
    expect(held.toSorted()).toEqual([
      ['at once', 1],
      ['at once', 2],
      ['one by one', 1],
    ]);
    gate.open();
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['one by one', 2]]);
  });

  it('with several patterns receives the messages of each', async () => {
    await start(PatternController);
    expect(await emit('list.a', 1)).toBe(1);
    expect(await emit('list.b.x', 2)).toBe(1);
    expect(await emit('list.c.42', 3)).toBe(1);
    await eventually(() => seen.length >= 3);
    expect(seen).toEqual([
      ['list.a', 'list.a', {}, 1],
      ['list.b.*', 'list.b.x', {}, 2],
      ['list.c.:id', 'list.c.42', { id: '42' }, 3],
    ]);
  });

  it('with an object pattern runs for any order of the keys', async () => {
    await start(PatternController);
    expect(await emit({ area: 7, type: 'object' }, 'x')).toBe(1);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['{"area":7,"type":"object"}', 'x']]);
    expect(await ask({ args: { of: 'number' }, cmd: 'double' }, 21)).toBe(42);
  });

  it('with a number as its pattern runs for that number', async () => {
    await start(PatternController);
    expect(await emit(4711, 'x')).toBe(1);
    await eventually(() => seen.length > 0);
    expect(seen).toEqual([['4711', 'x']]);
    expect(await ask(4712, 7)).toBe(-7);
  });

  it('for requests replaces an earlier handler of the same pattern, and a warning is logged', async () => {
    const { log } = await start(PatternController);
    expect(await ask('several.request')).toBe('late');
    expect(log.of('warn')).toEqual([expect.stringContaining('several.request')]);
  });
});
