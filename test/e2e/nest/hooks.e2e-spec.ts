import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
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
import { eventHandlers } from '../../support/handlers.js';
import { outcomeOf } from '../../support/nest-app.js';
import { eventually, useRedis } from '../../support/redis.js';

/** A hook with any result: Nest's type also accepts a function that returns a promise. */
type StartHook = (transportId: unknown, context: unknown, done: () => Promise<unknown>) => unknown;
type EndHook = (transportId: unknown, context: unknown) => unknown;

const runForever: EndHook = () => new Gate().opened;

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
      await eventually(() => seen.length >= 3);
      expect(seen).toEqual([
        ['start', REDIS_PUBSUB, 'hooks.glob.x'],
        ['handler', 'hooks.glob.x', 0],
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
    await eventually(() => seen.length >= 5);
    expect(seen).toEqual([
      'hook',
      'hook',
      ['start', REDIS_PUBSUB, 'hooks.bounded'],
      ['handler', 'hooks.bounded', 2],
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
    gate.open();
    await eventually(() => seen.length >= 8);
    const [first, second] = [1, 2].map((data) => [
      'hook',
      ['start', REDIS_PUBSUB, 'hooks.bounded'],
      ['handler', 'hooks.bounded', data],
      ['end', REDIS_PUBSUB, 'hooks.bounded'],
    ]);
    expect(seen).toEqual([...(first ?? []), ...(second ?? [])]);
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

/** What a hook of the given name puts around the message, in an `AsyncLocalStorage` of its own. */
interface Wrapping {
  readonly name: string;
  readonly storage: AsyncLocalStorage<string>;
}

describe('several processing hooks', () => {
  const redis = useRedis();
  const outer: Wrapping = { name: 'outer', storage: new AsyncLocalStorage() };
  const inner: Wrapping = { name: 'inner', storage: new AsyncLocalStorage() };
  let server: RedisPubSubServer;
  let client: RedisPubSubClient;
  let log: TestLog;

  const stores = (): unknown[] => [outer, inner].map((it) => it.storage.getStore());

  beforeEach(async () => {
    seen.length = 0;
    const options = { connection: redis.url };
    const handlers = eventHandlers({
      'several.event': async () => {
        await Promise.resolve();
        seen.push(['handler', ...stores()]);
      },
      'several.fails': () => {
        throw new Error('several.fails');
      },
    });
    ({ server, log } = await startService(handlers, options));
    client = createClient(options);
  });

  const emit = (pattern: string): Promise<number> => firstValueFrom(client.emit(pattern, 0));

  /** Sets a pair of hooks, of which one may fail. */
  const set = ({ name, storage: own }: Wrapping, failing?: 'start' | 'end'): void => {
    const fail = (): never => {
      throw new Error(`the ${failing} of ${name}`);
    };
    const startHook: StartHook = (_, __, done) => {
      seen.push([`start ${name}`, ...stores()]);
      return failing === 'start' ? fail() : own.run(name, done);
    };
    server.setOnProcessingStartHook(startHook);
    server.setOnProcessingEndHook(() => {
      seen.push([`end ${name}`, ...stores()]);
      if (failing === 'end') fail();
    });
  };

  it('all run, the last one that was set outermost, each in the contexts of those around it', async () => {
    set(inner);
    set(outer);
    await emit('several.event');
    await eventually(() => seen.length === 5);
    expect(seen).toEqual([
      ['start outer', undefined, undefined],
      ['start inner', 'outer', undefined],
      ['handler', 'outer', 'inner'],
      ['end inner', 'outer', 'inner'],
      ['end outer', 'outer', 'inner'],
    ]);
  });

  it('all run once around a handler that fails', async () => {
    set(inner);
    set(outer);
    const around = ['start outer', 'start inner', 'end inner', 'end outer'];
    await emit('several.fails');
    await eventually(() => seen.length === 4);
    expect(seen.map((it) => (it as unknown[])[0])).toEqual(around);
    await emit('several.event');
    await eventually(() => seen.length === 9);
    expect(seen.slice(4).map((it) => (it as unknown[])[0])).toEqual(
      around.toSpliced(2, 0, 'handler'),
    );
  });

  it('all end when the start hook of an inner one throws, and the message is left out', async () => {
    set(inner, 'start');
    set(outer);
    await emit('several.event');
    await eventually(() => seen.length === 4);
    expect(seen).toEqual([
      ['start outer', undefined, undefined],
      ['start inner', 'outer', undefined],
      ['end inner', 'outer', undefined],
      ['end outer', 'outer', undefined],
    ]);
    expect(log.of('error')).toEqual([expect.stringContaining('the start of inner')]);
  });

  it('all end when the end hook of one throws', async () => {
    set(inner, 'end');
    set(outer, 'end');
    await emit('several.event');
    await eventually(() => seen.length === 5);
    expect(seen.slice(3).map((it) => (it as unknown[])[0])).toEqual(['end inner', 'end outer']);
    await eventually(() => log.of('error').length === 2);
    expect(log.of('error')).toEqual([
      expect.stringContaining('the end of inner'),
      expect.stringContaining('the end of outer'),
    ]);
  });

  it('do not wait for an end hook that does not return', async () => {
    server.setOnProcessingEndHook(runForever);
    set(outer);
    await emit('several.event');
    await eventually(() => seen.length === 3);
    expect((seen[2] as unknown[])[0]).toBe('end outer');
  });
});

/** Sets a dispatch hook that adds a header. */
function addHeader(client: RedisPubSubClient, key: string, value: () => string): void {
  client.setOnDispatchHook((packet) => {
    const { metadata } = packet as { metadata?: object };
    const order = [...Object.keys(metadata ?? {}), key].join();
    Object.assign(packet, { metadata: { ...metadata, [key]: `${value()} after ${order}` } });
  });
}

describe('a dispatch hook', () => {
  const redis = useRedis();

  const start = async (options: { isConnected: boolean }) => {
    const handled: unknown[] = [];
    @Controller()
    class Handlers {
      @EventPattern<string>('dispatch.event')
      event(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
        handled.push([data, context.getHeaders()]);
      }

      @MessagePattern('dispatch.request')
      request(@Ctx() context: RedisPubSubContext) {
        return context.getHeaders();
      }
    }
    await startService({ module: class {}, controllers: [Handlers] }, { connection: redis.url });
    const client = createClient({ connection: redis.url });
    if (options.isConnected) await client.connect();
    return { client, handled };
  };

  it('stays when another one is set, which is called first', async () => {
    const { client, handled } = await start({ isConnected: true });
    addHeader(client, 'first', () => 'first');
    addHeader(client, 'second', () => 'second');
    await firstValueFrom(client.emit('dispatch.event', 1));
    const headers = { second: 'second after second', first: 'first after second,first' };
    expect(await firstValueFrom(client.send('dispatch.request', 1))).toEqual(headers);
    await eventually(() => handled.length === 1);
    expect(handled).toEqual([[1, headers]]);
  });

  it('that throws fails the message, and the others are set for the next one', async () => {
    const { client, handled } = await start({ isConnected: true });
    addHeader(client, 'first', () => 'first');
    let isFailing = true;
    client.setOnDispatchHook(() => {
      if (isFailing) throw new Error('no dispatch');
    });
    await expect(firstValueFrom(client.emit('dispatch.event', 1))).rejects.toThrow('no dispatch');
    isFailing = false;
    await firstValueFrom(client.emit('dispatch.event', 2));
    await eventually(() => handled.length === 1);
    expect(handled).toEqual([[2, { first: 'first after first' }]]);
  });

  it.each([true, false])(
    'is called in the context of each caller (connected: %s)',
    async (isConnected) => {
      const { client, handled } = await start({ isConnected });
      addHeader(client, 'caller', () => storage.getStore()?.channel ?? 'no caller');
      const callers = Array.from({ length: 20 }, (_, i) => `caller ${i}`);
      const replies = callers.map((caller) =>
        storage.run({ channel: caller }, () =>
          firstValueFrom(client.send('dispatch.request', caller)),
        ),
      );
      await Promise.all(
        callers.map((caller) =>
          storage.run({ channel: caller }, () =>
            firstValueFrom(client.emit('dispatch.event', caller)),
          ),
        ),
      );
      await eventually(() => handled.length === callers.length);
      const headers = callers.map((it) => ({ caller: `${it} after caller` }));
      expect(handled).toEqual(callers.map((caller, i) => [caller, headers[i]]));
      expect(await Promise.all(replies)).toEqual(headers);
    },
  );
});

function contextOf(context: unknown): { channel: string } {
  if (!(context instanceof RedisPubSubContext)) throw new TypeError('Not our context');
  return { channel: context.getChannel() };
}
