import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { AsyncLocalStorage } from 'node:async_hooks';
import { firstValueFrom, Subject, type Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  REDIS_PUBSUB,
  RedisPubSubContext,
  type RedisPubSubClient,
  type RedisPubSubServer,
} from 'nestjs-redis-pubsub';
import { createClient, startService, type TestLog } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

/** A hook with any result: Nest's type also accepts a function that returns a promise. */
type StartHook = (transportId: unknown, context: unknown, done: () => Promise<unknown>) => unknown;

const failToTrace = (): never => {
  throw new Error('no tracer');
};

const storage = new AsyncLocalStorage<{ readonly channel: string }>();
const seen: unknown[] = [];
let values = new Subject<string>();

@Controller()
class Hooked {
  @EventPattern('hooks.event')
  async event(data: unknown): Promise<void> {
    await Promise.resolve();
    seen.push(['handler', storage.getStore()?.channel, data]);
  }

  @EventPattern('hooks.bounded', { concurrency: 1 })
  bounded(data: unknown): void {
    seen.push(['handler', storage.getStore()?.channel, data]);
  }

  @EventPattern('hooks.glob.*')
  glob(data: unknown): void {
    seen.push(['handler', storage.getStore()?.channel, data]);
  }

  @EventPattern<string>('hooks.fails')
  fails(): never {
    throw new Error('hooks.fails');
  }

  @MessagePattern('hooks.request')
  request(): string | undefined {
    return storage.getStore()?.channel;
  }

  @MessagePattern('hooks.stream')
  stream(): Observable<string> {
    seen.push('subscribed');
    return values;
  }

  @EventPattern<string>('hooks.stream.event')
  streamOfEvent(): Observable<string> {
    seen.push('subscribed');
    return values;
  }
}

describe('a processing hook', () => {
  const redis = useRedis();
  let server: RedisPubSubServer;
  let client: RedisPubSubClient;
  let log: TestLog;

  beforeEach(async () => {
    seen.length = 0;
    values = new Subject();
    const options = { connection: redis.url };
    const module = { module: class {}, controllers: [Hooked] };
    ({ server, log } = await startService(module, options));
    client = createClient(options);
    server.setOnProcessingStartHook((transportId, context, done) => {
      const { channel } = contextOf(context);
      seen.push(['start', transportId, channel]);
      storage.run({ channel }, () => void done());
    });
    server.setOnProcessingEndHook((transportId, context) => {
      seen.push(['end', transportId, contextOf(context).channel]);
    });
  });

  const emit = (pattern: string, data: unknown = 0): Promise<number> =>
    firstValueFrom(client.emit(pattern, data));

  it.each(['hooks.event', 'hooks.glob.x'])(
    'runs once before and once after an event on %s, and the handler runs in its AsyncLocalStorage',
    async (channel) => {
      await emit(channel, 'data');
      await eventually(() => seen.length >= 3);
      await firstValueFrom(client.send('hooks.request', 0));
      expect(seen.slice(0, 4)).toEqual([
        ['start', REDIS_PUBSUB, channel],
        ['handler', channel, 'data'],
        ['end', REDIS_PUBSUB, channel],
        ['start', REDIS_PUBSUB, 'hooks.request'],
      ]);
    },
  );

  it('runs the handler of a request in its AsyncLocalStorage', async () => {
    expect(await firstValueFrom(client.send('hooks.request', 0))).toBe('hooks.request');
  });

  it('runs after the last value of a streamed reply', async () => {
    const outcome = outcomeOf(client.send('hooks.stream', 0));
    await eventually(() => seen.includes('subscribed'));
    values.next('a');
    values.next('b');
    await firstValueFrom(client.send('hooks.request', 0));
    expect(seen).not.toContainEqual(['end', REDIS_PUBSUB, 'hooks.stream']);
    values.complete();
    expect(await outcome).toEqual({ values: ['a', 'b'] });
    await eventually(() => seen.length >= 5);
    expect(seen).toEqual([
      ['start', REDIS_PUBSUB, 'hooks.stream'],
      'subscribed',
      ['start', REDIS_PUBSUB, 'hooks.request'],
      ['end', REDIS_PUBSUB, 'hooks.request'],
      ['end', REDIS_PUBSUB, 'hooks.stream'],
    ]);
  });

  it('runs after the stream of an event handler has ended', async () => {
    await emit('hooks.stream.event');
    await eventually(() => seen.includes('subscribed'));
    await emit('hooks.event');
    await eventually(() => seen.length >= 5);
    expect(seen).not.toContainEqual(['end', REDIS_PUBSUB, 'hooks.stream.event']);
    values.complete();
    await eventually(() => seen.length >= 6);
    expect(seen.at(-1)).toEqual(['end', REDIS_PUBSUB, 'hooks.stream.event']);
  });

  it('runs once after a handler that failed', async () => {
    await emit('hooks.fails');
    await emit('hooks.event');
    await eventually(() => seen.length >= 5);
    const entries = seen.filter((entry) => (entry as unknown[]).includes('hooks.fails'));
    expect(entries).toEqual([
      ['start', REDIS_PUBSUB, 'hooks.fails'],
      ['end', REDIS_PUBSUB, 'hooks.fails'],
    ]);
  });

  it.each<[string, () => unknown]>([
    ['throws', failToTrace],
    ['rejects', () => Promise.reject(new Error('no tracer'))],
  ])(
    'that %s before a message logs the error, and the next message is handled',
    async (_, fail) => {
      const hook: StartHook = (__, context, done) =>
        contextOf(context).channel === 'hooks.event' ? fail() : done();
      server.setOnProcessingStartHook(hook);
      await emit('hooks.event');
      await emit('hooks.glob.x');
      await eventually(() => seen.length >= 2);
      expect(seen).toEqual([
        ['handler', undefined, 0],
        ['end', REDIS_PUBSUB, 'hooks.glob.x'],
      ]);
      expect(log.of('error')).toEqual([expect.stringContaining('no tracer')]);
    },
  );

  it('that skips done() does not block the next message of a handler with concurrency: 1', async () => {
    const hook: StartHook = (_, __, done) => (seen.push('hook') === 1 ? undefined : done());
    server.setOnProcessingStartHook(hook);
    await emit('hooks.bounded', 1);
    await emit('hooks.bounded', 2);
    await eventually(() => seen.length >= 4);
    expect(seen).toEqual([
      'hook',
      'hook',
      ['handler', undefined, 2],
      ['end', REDIS_PUBSUB, 'hooks.bounded'],
    ]);
  });

  it('that calls done() later counts towards the concurrency of the handler', async () => {
    const gate = new Gate();
    const hook: StartHook = async (_, __, done) => {
      seen.push('hook');
      await gate.opened;
      await done();
    };
    server.setOnProcessingStartHook(hook);
    await emit('hooks.bounded', 1);
    await emit('hooks.bounded', 2);
    await eventually(() => seen.length >= 1);
    server.setOnProcessingEndHook(() => seen.push('end'));
    gate.open();
    await eventually(() => seen.length >= 6);
    const [first, second] = [1, 2].map((data) => ['handler', undefined, data]);
    expect(seen).toEqual(['hook', first, 'end', 'hook', second, 'end']);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no exporter');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no exporter'))],
  ])('that %s after a message logs the error, and the next message is handled', async (_, hook) => {
    server.setOnProcessingEndHook(hook);
    await emit('hooks.event', 1);
    await emit('hooks.event', 2);
    await eventually(() => log.of('error').length >= 2);
    const handled = seen.filter((entry) => (entry as unknown[])[0] === 'handler');
    expect(handled).toHaveLength(2);
    expect(log.of('error')).toHaveLength(2);
    expect(log.of('error')[0]).toContain('no exporter');
  });
});

function contextOf(context: unknown): { channel: string } {
  if (!(context instanceof RedisPubSubContext)) throw new TypeError('Not our context');
  return { channel: context.getChannel() };
}
