import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { catchError, firstValueFrom, of, throwError } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  RedisPubSubContext,
  RedisPubSubModule,
  RedisPubSubService,
  type TelemetryEvents,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';

const KEYS = [
  'publish',
  'receive',
  'handle',
  'drop',
  'subscribe',
  'unsubscribe',
  'status',
  'reconnect',
] as const satisfies (keyof TelemetryEvents)[];

type Key = keyof TelemetryEvents;

/** Subscribes to all diagnostics channels of the library until the test ends. */
function listen() {
  const seen: { key: Key; event: TelemetryEvents[Key] }[] = [];
  for (const key of KEYS) {
    const listener = (event: unknown): void => {
      seen.push({ key, event: event as TelemetryEvents[Key] });
    };
    subscribe(`nestjs-redis-pubsub:${key}`, listener);
    closeAfterTest(async () => unsubscribe(`nestjs-redis-pubsub:${key}`, listener));
  }
  return <K extends Key>(key: K): TelemetryEvents[K][] =>
    seen.filter((it) => it.key === key).map(({ event }) => event as TelemetryEvents[K]);
}

@Controller()
class Handlers {
  @EventPattern<string>('good')
  good() {
    return 'handled';
  }

  @EventPattern<string>('bad.*')
  bad() {
    throw new RpcException('bad day');
  }

  @EventPattern<string>('user.:id')
  user(@Payload() data: unknown, @Ctx() ctx: RedisPubSubContext) {
    return [data, ctx.getChannel()];
  }
}

@Controller()
class FailingResponder {
  @MessagePattern('ask.bad')
  ask() {
    throw new RpcException('bad answer');
  }
}

@Controller()
class Thrower {
  static thrown: unknown;

  @EventPattern<string>('thrown')
  onEvent() {
    throw Thrower.thrown;
  }
}

const trap = (): never => {
  throw new Error('trap');
};

/** A value that throws whatever one does with it. */
function hostileError(): unknown {
  return new Proxy({}, { get: trap, getPrototypeOf: trap, ownKeys: trap, has: trap });
}

/** The channel or the name that an event is about. */
function textIn(event: object): string {
  return String('channel' in event ? event.channel : Reflect.get(event, 'name'));
}

const BROKEN = new TypeError('broken');

@Controller()
class Broken {
  @EventPattern<string>('broken.event')
  onEvent() {
    throw BROKEN;
  }

  @MessagePattern('broken.request')
  onRequest() {
    return Promise.reject(BROKEN);
  }

  @MessagePattern('broken.stream')
  onStream() {
    return throwError(() => BROKEN);
  }
}

/** The default of the option `name`. */
const transport = 'redis-pubsub';

const module = { module: class {}, controllers: [Handlers] };

describe('telemetry', () => {
  const redis = useRedis();

  const start = async () => {
    const options = { connection: redis.url, prefix: 'shop:' };
    const { app } = await startService(module, {
      ...options,
      maxPayloadBytes: 200,
      // Its subscription would be among those of the handlers.
      introspection: false,
    });
    const client = createClient(options);
    const emit = (name: string, data: unknown) => firstValueFrom(client.emit(name, data));
    return { app, client, emit };
  };

  it('publishes the events "publish", "receive" and "handle" for each message', async () => {
    const events = listen();
    const { emit } = await start();
    await emit('good', { a: 1 });
    await eventually(() => events('handle').length === 1);
    const packet = { pattern: 'good', data: { a: 1 }, mid: '8_of_its.1-1' };
    const bytes = Buffer.byteLength(JSON.stringify(packet));
    expect(events('publish')).toEqual([{ transport, channel: 'shop:good', receivers: 1 }]);
    expect(events('receive')).toEqual([
      { transport, channel: 'shop:good', subscription: 'shop:good', bytes },
    ]);
    expect(events('handle')).toEqual([
      { transport, channel: 'shop:good', pattern: 'good', duration: expect.any(Number) as number },
    ]);
    expect(events('drop')).toEqual([]);
  });

  it('publishes "handle" with the error of a failed event handler', async () => {
    const events = listen();
    const { emit } = await start();
    await emit('bad.day', 1);
    await eventually(() => events('handle').length === 1);
    const [handled] = events('handle');
    expect(handled).toMatchObject({
      channel: 'shop:bad.day',
      pattern: 'bad.*',
      error: { message: 'bad day' },
    });
  });

  it('publishes "handle" with the error of a failed request handler', async () => {
    const events = listen();
    const options = { connection: redis.url, prefix: 'shop:' };
    await startService({ module: class {}, controllers: [FailingResponder] }, options);
    const error = { status: 'error', message: 'bad answer' };
    await expect(firstValueFrom(createClient(options).send('ask.bad', 1))).rejects.toEqual(error);
    await eventually(() => events('handle').length === 1);
    expect(events('handle')).toEqual([
      {
        transport,
        channel: 'shop:ask.bad',
        pattern: 'ask.bad',
        duration: expect.any(Number) as number,
        error: new RpcException('bad answer'),
      },
    ]);
  });

  it.each([
    ['broken.event', 'emit'],
    ['broken.request', 'send'],
    ['broken.stream', 'send'],
  ] as const)(
    'publishes "handle" with the error that the handler threw, and not with that of Nest\'s filter: %s',
    async (pattern, method) => {
      const events = listen();
      const options = { connection: redis.url };
      await startService({ module: class {}, controllers: [Broken] }, options);
      const sent$ = createClient(options)[method](pattern, 1);
      await firstValueFrom(sent$.pipe(catchError(() => of('failed'))));
      await eventually(() => events('handle').length === 1);
      expect(events('handle')[0]?.error).toBe(BROKEN);
    },
  );

  it.each([
    ['text', 'bad text', 'bad text'],
    ['nothing', undefined, 'undefined'],
    ['an object', { reason: 'bad object' }, "{ reason: 'bad object' }"],
    ['an array', ['bad item'], "[ 'bad item' ]"],
    ['a number', 0, '0'],
    ['a value that cannot be read', hostileError(), 'a value that cannot be shown'],
  ])(
    'publishes "handle" with an error for %s that the handler threw, which has it as cause',
    async (_, thrown, message) => {
      const events = listen();
      const failed = { module: class {}, controllers: [Thrower] };
      Thrower.thrown = thrown;
      await startService(failed, { connection: redis.url });
      await firstValueFrom(createClient({ connection: redis.url }).emit('thrown', 1));
      await eventually(() => events('handle').length === 1);
      const error = events('handle')[0]?.error as Error;
      expect(Object.getPrototypeOf(error)).toBe(Error.prototype);
      expect(error.message).toBe(message);
      expect(error.stack).toContain('Error: ');
      expect(error.cause === thrown).toBe(true);
    },
  );

  it('publishes "drop" with an error for any value that a codec throws', async () => {
    const events = listen();
    const codec = {
      encode: (value: unknown) => JSON.stringify(value),
      decode: () => {
        // oxlint-disable-next-line typescript/only-throw-error -- As a codec of an application may.
        throw 'cannot decode';
      },
    };
    const options = { connection: redis.url, codec };
    await startService(module, options);
    await firstValueFrom(createClient(options).emit('good', 1));
    await eventually(() => events('drop').length === 1);
    expect(events('drop')).toEqual([
      { transport, channel: 'good', reason: 'decode', error: new Error('cannot decode') },
    ]);
    expect(events('drop')[0]?.error?.cause).toBe('cannot decode');
  });

  it('names the module, server or client of each event by its option "name"', async () => {
    const events = listen();
    const options = { connection: redis.url };
    const listening = { ...options, introspection: false };
    await startService(module, { ...listening, maxPayloadBytes: 200, name: 'the server' });
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ ...listening, name: 'the module' })],
    });
    const client = createClient({ ...options, name: 'the client' });
    const service = app.get(RedisPubSubService);
    const seen = firstValueFrom(service.observePattern('bad.:id'));
    await eventually(async () => (await service.publish('bad.1', 1)) === 2);
    await seen;
    await firstValueFrom(client.emit('good', 1));
    await firstValueFrom(client.emit('good', 'x'.repeat(500)));
    await eventually(() => events('drop').length > 0);
    const tell = <K extends Key>(key: K) =>
      new Set(events(key).map((event) => `${event.transport} ${textIn(event)}`));
    expect(tell('publish')).toEqual(new Set(['the module bad.1', 'the client good']));
    expect(tell('receive')).toEqual(
      new Set(['the server bad.1', 'the module bad.1', 'the server good']),
    );
    expect(tell('handle')).toEqual(
      new Set(['the server bad.1', 'the module bad.1', 'the server good']),
    );
    expect(tell('drop')).toEqual(new Set(['the server good']));
    expect(tell('subscribe')).toEqual(
      new Set(['the server good', 'the server bad.*', 'the server user.*', 'the module bad.*']),
    );
    await eventually(() => events('unsubscribe').length > 0);
    expect(tell('unsubscribe')).toEqual(new Set(['the module bad.*']));
    await redis.killConnections();
    await eventually(() => events('reconnect').length >= 6);
    const all = ['the server', 'the module', 'the client'];
    expect(new Set(events('reconnect').map((event) => event.transport))).toEqual(new Set(all));
    expect(new Set(events('status').map((event) => event.transport))).toEqual(new Set(all));
  });

  it('publishes "handle" for handlers of subscribe to their end, and for observers', async () => {
    const events = listen();
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, prefix: 'shop:' })],
    });
    const service = app.get(RedisPubSubService);
    const gate = new Gate();
    await service.subscribe('run.a', async () => {
      await gate.opened;
      throw BROKEN;
    });
    await service.publish('run.a', 1);
    const observed = firstValueFrom(service.observePattern('seen.:id'));
    await eventually(async () => (await service.publish('seen.1', 1)) > 0);
    await observed;
    const duration = expect.any(Number) as number;
    await eventually(() => events('handle').length === 1);
    expect(events('handle')).toEqual([
      { transport, channel: 'shop:seen.1', pattern: 'seen.:id', duration },
    ]);
    gate.open();
    await eventually(() => events('handle').length === 2);
    expect(events('handle')[1]).toEqual({
      transport,
      channel: 'shop:run.a',
      pattern: 'run.a',
      duration,
      error: BROKEN,
    });
  });

  it('publishes "drop" with a reason for each message that no handler receives', async () => {
    const events = listen();
    const { emit } = await start();
    await emit('good', 'x'.repeat(500));
    await emit('user.1.x', 1);
    await emit('good', 1);
    await eventually(() => events('handle').length === 1);
    expect(events('drop')).toEqual([
      { transport, channel: 'shop:good', reason: 'too-large' },
      { transport, channel: 'shop:user.1.x', reason: 'unmatched' },
    ]);
  });

  it('publishes no "publish" without an error for a message that Redis did not receive', async () => {
    const events = listen();
    const { client, emit } = await start();
    await client.close();
    await redis.stop();
    closeAfterTest(() => redis.start());
    redis.client.on('error', () => undefined);
    await expect(emit('good', 1)).rejects.toMatchObject({ code: 'ERR_PUBSUB_CONNECTION' });
    expect(events('publish').filter(({ error }) => error === undefined)).toEqual([]);
  });

  it('publishes "subscribe" and "unsubscribe" for each subscription', async () => {
    const events = listen();
    const { app } = await start();
    const expected = [
      { transport, kind: 'channel', name: 'shop:good' },
      { transport, kind: 'pattern', name: 'shop:bad.*' },
      { transport, kind: 'pattern', name: 'shop:user.*' },
    ];
    expect(events('subscribe')).toEqual(expected);
    await app.close();
    expect(events('unsubscribe')).toEqual(expected);
  });

  it('publishes "subscribe" with a gap for each subscription after an outage', async () => {
    const events = listen();
    await start();
    const killed = redis.killConnections();
    // Over memory the gap begins within the call.
    const before = new Date();
    await killed;
    await eventually(() => events('subscribe').length === 6);
    const restored = events('subscribe').slice(3);
    expect(restored.map(({ name }) => name)).toEqual(['shop:good', 'shop:bad.*', 'shop:user.*']);
    for (const { gap } of restored) {
      expect(gap?.from.getTime()).toBeLessThanOrEqual(before.getTime());
      expect(gap?.to.getTime()).toBeGreaterThanOrEqual(before.getTime());
    }
  });

  it('publishes "reconnect" with the length of the outage for each connection', async () => {
    const events = listen();
    await start();
    await redis.killConnections();
    await eventually(() => events('reconnect').length >= 2);
    for (const { connection, outage } of events('reconnect')) {
      expect(['publisher', 'subscriber']).toContain(connection);
      expect(outage).toBeGreaterThan(0);
    }
  });

  it('builds no event for a diagnostics channel without subscribers', async () => {
    const spies = KEYS.map((key) => vi.spyOn(channel(`nestjs-redis-pubsub:${key}`), 'publish'));
    closeAfterTest(async () => {
      for (const spy of spies) spy.mockRestore();
    });
    const { app, emit } = await start();
    await emit('good', 1);
    await emit('bad.day', 1);
    await emit('user.1.x', 1);
    await app.close();
    expect(spies.map((spy) => spy.mock.calls)).toEqual(KEYS.map(() => []));
  });
});
