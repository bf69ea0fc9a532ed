import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import {
  RedisPubSubClient,
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  RedisPubSubService,
  type HandleTrace,
  type PublishTrace,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startContext } from '../module/apps.js';
import { IN_MEMORY } from '../../support/in-memory.js';

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;

type TraceName = 'publish' | 'handle';

interface Seen {
  readonly event: (typeof EVENTS)[number];
  readonly trace: HandleTrace | PublishTrace;
  /** The trace as it was then. */
  readonly state: HandleTrace | PublishTrace;
}

/** Subscribes to a tracing channel until the test ends. */
function trace(name: TraceName) {
  const seen: Seen[] = [];
  for (const event of EVENTS) {
    const traced = channel(`tracing:nestjs-redis-pubsub:${name}:${event}`);
    const listener = (message: unknown): void => {
      const it = message as HandleTrace | PublishTrace;
      seen.push({ event, trace: it, state: { ...it } });
    };
    traced.subscribe(listener);
    closeAfterTest(async () => traced.unsubscribe(listener));
  }
  return seen;
}

/** Binds a store to the start of each trace until the test ends. */
function bindStore<T>(
  name: TraceName,
  storage: AsyncLocalStorage<T>,
  toStore: (trace: HandleTrace & PublishTrace) => T,
): void {
  const { start } = tracingChannel(`nestjs-redis-pubsub:${name}`);
  start.bindStore(storage, toStore as never);
  closeAfterTest(async () => void start.unbindStore(storage));
}

/** A message whose header names its trace. */
const recordOf = (trace: string) => new RedisPubSubRecordBuilder(1).setHeaders({ trace }).build();

const namesOf = (seen: readonly Seen[]): string[] => seen.map(({ event }) => event);

const duration = expect.any(Number) as number;
const messageId = expect.stringMatching(/^[\w-]{8}\.1-1$/) as string;
const gate = { current: new Gate() };
const spans = new AsyncLocalStorage<string>();
const inHandlers: unknown[] = [];

@Controller()
class Handlers {
  @EventPattern<string>('traced.event')
  async onEvent() {
    inHandlers.push(spans.getStore());
    await gate.current.opened;
    inHandlers.push(spans.getStore());
  }

  @EventPattern<string>('traced.fails')
  onFailing() {
    throw new TypeError('failed');
  }

  @EventPattern<string>('traced.bounded', { concurrency: 1 })
  async onBounded() {
    const before = spans.getStore();
    await gate.current.opened;
    inHandlers.push([before, spans.getStore()]);
  }

  @MessagePattern<string>('traced.:id.request')
  onRequest() {
    return spans.getStore() ?? 'no span';
  }
}

const module = { module: class {}, controllers: [Handlers] };

describe('the tracing channel', () => {
  const redis = useRedis();

  const start = async () => {
    gate.current = new Gate();
    inHandlers.length = 0;
    const options = { connection: redis.url, prefix: 'shop:' };
    await startService(module, { ...options, name: 'server' });
    const client = createClient({ ...options, name: 'client' });
    const emit = (name: string, data: unknown = 1) => firstValueFrom(client.emit(name, data));
    return { client, emit };
  };

  const startModule = async () => {
    const { app } = await startContext({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, name: 'module' })],
    });
    return { pubsub: app.get(RedisPubSubService), client: app.get(RedisPubSubClient) };
  };

  describe('"publish"', () => {
    it('has the same trace from the call to the answer of Redis', async () => {
      const seen = trace('publish');
      const { emit } = await start();
      expect(await emit('traced.none', 'é')).toBe(0);
      expect(namesOf(seen)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
      expect(new Set(seen.map((it) => it.trace)).size).toBe(1);
      const bytes = expect.any(Number) as number;
      const sent = { transport: 'client', channel: 'shop:traced.none', bytes, messageId };
      const answered = { ...sent, receivers: 0, duration };
      expect(seen.map(({ state }) => state)).toEqual([sent, sent, answered, answered]);
    });

    it.skipIf(IN_MEMORY)('has the error of a message that fails, before asyncStart', async () => {
      await redis.client.call('ACL', 'SETUSER', 'publisher', 'on', 'nopass', '~*', '+@all');
      await redis.client.call('ACL', 'SETUSER', 'publisher', 'resetchannels', '&shop:ok');
      const client = createClient({
        connection: { port: redis.port, username: 'publisher', password: 'any' },
        prefix: 'shop:',
      });
      const seen = trace('publish');
      const outcome = firstValueFrom(client.emit('refused', 1));
      await expect(outcome).rejects.toMatchObject({ code: 'ERR_PUBSUB_PUBLISH' });
      expect(namesOf(seen)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
      const { error, duration: ms, ...rest } = (seen[2] as Seen).state as PublishTrace;
      await expect(outcome).rejects.toBe(error);
      expect(error).toBeInstanceOf(Error);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(rest).not.toHaveProperty('receivers');
    });

    it.each([
      ['cannot be encoded', 'traced.none', new Map(), 'ERR_PUBSUB_PAYLOAD'],
      ['has no channel', '', 1, 'ERR_PUBSUB_INVALID_CHANNEL'],
    ])('has the error of a message that %s', async (_, channel, data, code) => {
      const { client, emit } = await start();
      await emit('traced.none');
      const seen = trace('publish');
      await expect(firstValueFrom(client.emit(channel, data))).rejects.toMatchObject({ code });
      expect(namesOf(seen)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
      expect(new Set(seen.map((it) => it.trace)).size).toBe(1);
      expect(seen.at(-1)?.state).toEqual({
        transport: 'client',
        channel: `shop:${channel}`,
        bytes: 0,
        duration: 0,
        error: expect.objectContaining({ code }) as Error,
      });
    });

    it.each([[7], [undefined], [Symbol('secret')], [{ toString: null }]])(
      'has the error of a message whose channel is no text: %o',
      async (channel) => {
        const { pubsub } = await startModule();
        const seen = trace('publish');
        await expect(pubsub.publish(channel as never, 1)).rejects.toMatchObject({
          code: 'ERR_PUBSUB_INVALID_CHANNEL',
        });
        expect(namesOf(seen)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
        expect(seen[0]?.state.channel).toEqual(expect.any(String));
      },
    );

    it('has the id of a message that waited for the connection, when it was sent', async () => {
      const { pubsub } = await startModule();
      await redis.stop();
      await eventually(() => pubsub.status === 'reconnecting');
      const seen = trace('publish');
      const published = pubsub.publish('traced.waits', 1);
      expect(seen.at(-1)?.state).not.toHaveProperty('messageId');
      await redis.start();
      await published;
      expect(seen.at(-1)?.state).toMatchObject({ messageId });
    });

    it.each([
      ['own codec, bare data', { codec: 'json' } as const],
      ['no ids', { messageIds: false }],
    ])('has no id of a message without one: %s', async (_, options) => {
      const client = createClient({ connection: redis.url, ...options });
      const seen = trace('publish');
      await firstValueFrom(client.emit('traced.none', 1));
      expect(seen).toHaveLength(4);
      expect(seen.at(-1)?.state).not.toHaveProperty('messageId');
    });

    it('binds a store that its events see, and the caller does not', async () => {
      const { client } = await start();
      bindStore('publish', spans, ({ channel }) => `span of ${channel}`);
      const stores: unknown[] = [];
      for (const event of EVENTS) {
        const traced = channel(`tracing:nestjs-redis-pubsub:publish:${event}`);
        const listener = (): unknown => stores.push([event, spans.getStore()]);
        traced.subscribe(listener);
        closeAfterTest(async () => traced.unsubscribe(listener));
      }
      const after = await spans.run('request', async () => {
        const emitted = firstValueFrom(client.emit('traced.none', 1));
        const now = spans.getStore();
        await emitted;
        return [now, spans.getStore()];
      });
      expect(after).toEqual(['request', 'request']);
      const span = 'span of shop:traced.none';
      expect(stores).toEqual([
        ['start', span],
        ['end', span],
        ['asyncStart', span],
        ['asyncEnd', span],
      ]);
    });

    it('has the headers of a message, also those that a dispatch hook has set', async () => {
      const { client, emit } = await start();
      client.setOnDispatchHook((packet) => Object.assign(packet, { metadata: { hook: '1' } }));
      const seen = trace('publish');
      await emit('traced.none');
      await emit('traced.none', recordOf('a'));
      const began = seen.filter(({ event }) => event === 'start').map(({ state }) => state.headers);
      expect(began).toEqual([{ hook: '1' }, { hook: '1', trace: 'a' }]);
    });

    it('has the object that a dispatch hook has set, and its symbols in a copy with more headers', async () => {
      const { client, emit } = await start();
      const key = Symbol('key');
      const metadata = { hook: '1', [key]: 'mine' };
      client.setOnDispatchHook((packet) => Object.assign(packet, { metadata }));
      const seen = trace('publish');
      await emit('traced.none');
      expect(seen[0]?.state.headers).toBe(metadata);
      await emit('traced.none', recordOf('a'));
      expect(seen.at(-1)?.state.headers).toEqual({ ...metadata, trace: 'a' });
    });

    it.each(['inbox', 'compat'] as const)(
      'has the id of a request, which its handler has, too (replies: %s)',
      async (replies) => {
        await start();
        const client = createClient({ connection: redis.url, prefix: 'shop:', replies });
        const sent = trace('publish');
        const handled = trace('handle');
        await firstValueFrom(client.send('traced.1.request', 1));
        await eventually(() => sent.filter(({ event }) => event === 'asyncEnd').length === 2);
        const ids = sent
          .filter(({ event }) => event === 'start')
          .map(({ state }) => state.requestId);
        expect(ids).toEqual([expect.stringMatching(/^_pubsub\.inbox\..+\.1$/), undefined]);
        expect(handled[0]?.state.requestId).toBe(ids[0]);
      },
    );

    it('traces publish, requests and their replies, each under its own channel', async () => {
      const { client } = await start();
      const { pubsub } = await startModule();
      const seen = trace('publish');
      await firstValueFrom(client.send('traced.1.request', 1));
      await pubsub.publish('traced.none', 1);
      await eventually(() => seen.filter(({ event }) => event === 'asyncEnd').length === 3);
      const ended = seen.filter(({ event }) => event === 'asyncEnd').map(({ state }) => state);
      const channels = ended.map((it) => [it.transport, it.channel.replace(/inbox\..*/, 'inbox')]);
      expect(channels.toSorted()).toEqual([
        ['client', 'shop:traced.1.request'],
        ['module', 'traced.none'],
        ['server', '_pubsub.inbox'],
      ]);
    });
  });

  describe('"handle"', () => {
    it('has the same trace from the call of a handler to its end, with the headers', async () => {
      const { emit } = await start();
      const seen = trace('handle');
      const headers = { traceparent: '00-1-2-03' };
      await emit(
        'traced.event',
        new RedisPubSubRecordBuilder('secret').setHeaders(headers).build(),
      );
      await eventually(() => seen.length === 2);
      gate.current.open();
      await eventually(() => seen.length === 4);
      expect(namesOf(seen)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
      expect(new Set(seen.map((it) => it.trace)).size).toBe(1);
      const began = {
        transport: 'server',
        channel: 'shop:traced.event',
        pattern: 'traced.event',
        headers,
        messageId,
      };
      const ended = { ...began, duration };
      expect(seen.map(({ state }) => state)).toEqual([began, began, ended, ended]);
    });

    it('has no payload that a subscriber could print or send', async () => {
      const { emit } = await start();
      const seen = trace('handle');
      gate.current.open();
      await emit('traced.event', 'secret');
      await eventually(() => seen.length === 4);
      const traced = seen[0]?.trace as HandleTrace;
      const shown = [
        inspect(traced, { showHidden: true, getters: true, depth: Infinity }),
        JSON.stringify(traced),
        ...Reflect.ownKeys(traced).map(String),
      ];
      expect(shown.join('\n')).not.toMatch(/secret/);
      expect(Object.keys(traced)).toEqual([
        'transport',
        'channel',
        'pattern',
        'headers',
        'messageId',
        'duration',
      ]);
    });

    it('has the error of a handler, before asyncStart', async () => {
      const { emit } = await start();
      const seen = trace('handle');
      await emit('traced.fails');
      await eventually(() => seen.length === 5);
      expect(namesOf(seen)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
      expect(seen[2]?.state.error).toEqual(new TypeError('failed'));
    });

    it('is complete at the end of the subscriber of an observer, which is not asynchronous', async () => {
      const { pubsub } = await startModule();
      const seen = trace('handle');
      const observed = firstValueFrom(pubsub.observe('traced.observed'));
      await eventually(async () => (await pubsub.publish('traced.observed', 1)) > 0);
      await observed;
      expect(namesOf(seen)).toEqual(['start', 'end']);
      const began = {
        transport: 'module',
        channel: 'traced.observed',
        pattern: 'traced.observed',
        headers: {},
        messageId: expect.stringMatching(/^[\w-]{8}\.1-\d+$/) as string,
      };
      expect(seen.map(({ state }) => state)).toEqual([began, { ...began, duration }]);
    });

    it('binds a store from the headers, which the handler sees to its end', async () => {
      const { emit } = await start();
      bindStore('handle', spans, ({ headers }) => `span of ${headers.trace ?? 'none'}`);
      await Promise.all(['a', 'b'].map((id) => emit('traced.event', recordOf(id))));
      await emit('traced.event');
      await eventually(() => inHandlers.length === 3);
      gate.current.open();
      await eventually(() => inHandlers.length === 6);
      const stores = ['span of a', 'span of b', 'span of none'];
      expect(inHandlers.toSorted()).toEqual([...stores, ...stores].toSorted());
    });

    it('binds the store of each message that waits for a bounded handler', async () => {
      const { emit } = await start();
      bindStore('handle', spans, ({ headers }) => headers.trace ?? 'none');
      for (const trace of ['a', 'b', 'c']) {
        await emit('traced.bounded', recordOf(trace));
      }
      gate.current.open();
      await eventually(() => inHandlers.length === 3);
      expect(inHandlers).toEqual([
        ['a', 'a'],
        ['b', 'b'],
        ['c', 'c'],
      ]);
    });

    it('binds the store of a request', async () => {
      const { client } = await start();
      bindStore('handle', spans, ({ channel, pattern }) => `${channel} of ${pattern}`);
      expect(await firstValueFrom(client.send('traced.1.request', 1))).toBe(
        'shop:traced.1.request of traced.:id.request',
      );
    });

    it('binds a store over the context of an observer, whose other stores stay', async () => {
      const { pubsub } = await startModule();
      const requests = new AsyncLocalStorage<string>();
      bindStore('handle', spans, ({ channel }) => `span of ${channel}`);
      const seen: unknown[] = [];
      const see = (): unknown => seen.push([requests.getStore(), spans.getStore()]);
      await requests.run('request', () =>
        spans.run('span of the request', async () => {
          const isSubscribed = new Gate();
          const onSubscribed = (): void => isSubscribed.open();
          pubsub.observe('traced.observed', { onSubscribed }).subscribe(see);
          await isSubscribed.opened;
          await pubsub.subscribe('traced.observed', async () => {
            await Promise.resolve();
            see();
          });
        }),
      );
      await pubsub.publish('traced.observed', 1);
      await eventually(() => seen.length === 2);
      const expected = ['request', 'span of traced.observed'];
      expect(seen).toEqual([expected, expected]);
    });
  });

  it('builds no trace while it has no subscriber', async () => {
    const names = (['publish', 'handle'] as const).flatMap((name) =>
      EVENTS.map((event) => `tracing:nestjs-redis-pubsub:${name}:${event}`),
    );
    const spies = [
      ...names.map((name) => vi.spyOn(channel(name), 'publish')),
      ...names.map((name) => vi.spyOn(channel(name), 'runStores')),
    ];
    closeAfterTest(async () => {
      for (const spy of spies) spy.mockRestore();
    });
    const { client, emit } = await start();
    gate.current.open();
    await emit('traced.event');
    await firstValueFrom(client.send('traced.1.request', 1));
    expect(spies.flatMap((spy): unknown[] => spy.mock.calls)).toEqual([]);
  });
});
