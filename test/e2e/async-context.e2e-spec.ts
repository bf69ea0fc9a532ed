import { AsyncLocalStorage } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Test } from '@nestjs/testing';
import type { Redis } from 'ioredis';
import {
  RedisPubSubModule,
  RedisPubSubRecordBuilder,
  RedisPubSubService,
  type HandleTrace,
  type PublishTrace,
  type RedisPubSubClient,
  type RedisPubSubContext,
  type RedisPubSubModuleOptions,
  type RedisPubSubRecord,
} from 'nestjs-redis-pubsub';
import { firstValueFrom, type Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { closeAfterTest, createClient, startService } from '../support/app.js';
import { Gate } from '../support/gate.js';
import { eventHandlers, requestHandler } from '../support/handlers.js';
import { eventually, useRedis } from '../support/redis.js';

const requests = new AsyncLocalStorage<string>();

/** Runs `work` as a request does, in a context of its own. */
const within = <T>(request: string, work: () => T): T => requests.run(request, work);

const request = (): string | undefined => requests.getStore();

/** The requests in whose contexts the callbacks of an Observable run: its values, then its end. */
function contextsOf(source$: Observable<unknown>): Promise<(string | undefined)[]> {
  const contexts: (string | undefined)[] = [];
  return new Promise((resolve) => {
    const end = (): void => {
      contexts.push(requests.getStore());
      resolve(contexts);
    };
    source$.subscribe({
      next: () => contexts.push(requests.getStore()),
      error: end,
      complete: end,
    });
  });
}

const connected = (client: RedisPubSubClient): string[] =>
  client.unwrap<Redis[]>().map(({ status }) => status);

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `request ${i}`);

/** A message with a number, which is its header, too. */
const recordOf = (id: string): RedisPubSubRecord =>
  new RedisPubSubRecordBuilder(`message ${id}`).setHeaders({ id }).build();

const numberOf = (entry: unknown): number =>
  Number((entry as readonly string[])[0]?.replace('message ', ''));

const byNumber = (entries: readonly unknown[]): unknown[] =>
  entries.toSorted((one, other) => numberOf(one) - numberOf(other));

describe('AsyncLocalStorage', () => {
  const redis = useRedis();

  async function startModule(options: RedisPubSubModuleOptions = {}): Promise<RedisPubSubService> {
    const module = await Test.createTestingModule({
      imports: [RedisPubSubModule.forRoot({ connection: redis.url, ...options })],
    }).compile();
    closeAfterTest(() => module.close());
    await module.init();
    return module.get(RedisPubSubService);
  }

  describe('in a client that connects with its first message', () => {
    it.each([
      ['one tick', false],
      ['one tick, with batchPublishes', true],
    ])('gives each emit of %s the context of its request', async (_, batchPublishes) => {
      const client = createClient({ connection: redis.url, batchPublishes });
      const all = names(100);
      const emit = (name: string): Promise<(string | undefined)[]> =>
        within(name, () => contextsOf(client.emit('context.emit', name)));
      expect(await Promise.all(all.map(emit))).toEqual(all.map((name) => [name, name]));
      expect(await Promise.all(all.map(emit))).toEqual(all.map((name) => [name, name]));
    });

    it('gives each request the context of its sender, whether it is answered or not', async () => {
      await startService(
        requestHandler('context.send', (data) => (data === 'silent' ? new Gate().opened : data)),
        { connection: redis.url, shutdownTimeout: 0 },
      );
      const client = createClient({ connection: redis.url, requestTimeout: 200 });
      const all = names(50);
      const send = (name: string, data = name): Promise<(string | undefined)[]> =>
        within(name, () => contextsOf(client.send('context.send', data)));
      expect(await Promise.all(all.map((name) => send(name)))).toEqual(
        all.map((name) => [name, name]),
      );
      expect(await Promise.all(all.map((name) => send(name, 'silent')))).toEqual(
        all.map((name) => [name]),
      );
      const closed = all.map((name) => send(name, 'silent'));
      await within('close', () => client.close());
      expect(await Promise.all(closed)).toEqual(all.map((name) => [name]));
    });

    it('gives each listener of its status, and of ioredis, the context that it was added in', async () => {
      const client = createClient({ connection: redis.url });
      const statuses: (string | undefined)[] = [];
      const events: (string | undefined)[] = [];
      within('status', () => client.status.subscribe(() => statuses.push(requests.getStore())));
      within('events', () => client.on('ready', () => events.push(requests.getStore())));
      await within('emit', () => firstValueFrom(client.emit('context.status', 1)));
      expect(new Set(statuses)).toEqual(new Set(['status']));
      expect(events).toEqual(['events', 'events']);
    });
  });

  describe('in a module', () => {
    it('gives each publish the context of its request', async () => {
      const pubsub = await startModule();
      const publish = (name: string): Promise<string | undefined> =>
        within(name, () => pubsub.publish('context.publish', 1).then(request));
      expect(await Promise.all(names(100).map(publish))).toEqual(names(100));
    });

    it('gives what waits for a lost connection the contexts of its requests', async () => {
      const pubsub = await startModule({ publishBuffer: { maxMessages: 5, maxAge: 20_000 } });
      await redis.killConnections();
      await eventually(() => pubsub.status === 'reconnecting');
      const publish = (name: string): Promise<string | undefined> =>
        within(name, () => pubsub.publish('context.buffer', 1).then(request, request));
      expect(await Promise.all(names(10).map(publish))).toEqual(names(10));
    });

    it('gives the events of its tracing channel the context of each caller, also where its message waits', async () => {
      const pubsub = await startModule({ publishBuffer: { maxMessages: 5, maxAge: 20_000 } });
      const seen: Record<string, (string | undefined)[]> = {};
      for (const event of ['start', 'end', 'error', 'asyncStart', 'asyncEnd']) {
        const traced = channel(`tracing:nestjs-redis-pubsub:publish:${event}`);
        const listener = (trace: unknown): void => {
          (seen[(trace as PublishTrace).channel] ??= []).push(requests.getStore());
        };
        traced.subscribe(listener);
        closeAfterTest(async () => traced.unsubscribe(listener));
      }
      await redis.killConnections();
      await eventually(() => pubsub.status === 'reconnecting');
      const publish = (name: string): Promise<string | undefined> =>
        within(name, () => pubsub.publish(name, 1).then(request, request));
      expect(await Promise.all(names(10).map(publish))).toEqual(names(10));
      // Some are sent after the outage. The others fail, with one event more: those of a full buffer among them.
      const lengths = names(10).map((it) => seen[it]?.length ?? 0);
      expect(lengths.filter((it) => it !== 4 && it !== 5)).toEqual([]);
      expect(lengths.slice(5)).toEqual(Array(5).fill(5));
      const expected = names(10).map((it, i) => [it, Array(lengths[i] ?? 0).fill(it)]);
      expect(seen).toEqual(Object.fromEntries(expected));
    });

    it.each([
      ['observe', false],
      ['observe, sharded,', true],
    ])('gives the callbacks of %s the context of the observer', async (_, sharded) => {
      const pubsub = await startModule();
      const channel = `context.observe.${String(sharded)}`;
      const calls: Record<string, (string | undefined)[]> = {};
      const subscribed: Promise<void>[] = [];
      const completed: (string | undefined)[] = [];
      for (const name of names(3)) {
        const contexts = (calls[name] = []) as (string | undefined)[];
        const isSubscribed = new Gate();
        subscribed.push(isSubscribed.opened);
        const onSubscribed = (): void => {
          contexts.push(requests.getStore());
          isSubscribed.open();
        };
        within(name, () =>
          pubsub.observe(channel, { onSubscribed, sharded }).subscribe({
            next: () => contexts.push(requests.getStore()),
            complete: () => completed.push(requests.getStore()),
          }),
        );
      }
      await Promise.all(subscribed);
      await within('publisher', () => pubsub.publish(channel, 1, { sharded }));
      await eventually(() => Object.values(calls).every(({ length }) => length === 2));
      await within('killer', () => redis.killConnections());
      // After the outage each is called again, with the gap.
      await eventually(() => Object.values(calls).every(({ length }) => length === 3));
      expect(calls).toEqual(Object.fromEntries(names(3).map((it) => [it, [it, it, it]])));
      await within('close', () => pubsub.drain());
      expect(completed).toEqual(names(3));
    });

    it('keeps a context that an observer enters from other observers and later messages', async () => {
      const pubsub = await startModule();
      const seen: (string | undefined)[] = [];
      for (let i = 0; i < 2; i++) {
        await pubsub.subscribe('context.entered', () => {
          seen.push(requests.getStore());
          requests.enterWith('entered');
        });
      }
      await pubsub.publish('context.entered', 1);
      await pubsub.publish('context.entered', 2);
      await eventually(() => seen.length === 4);
      expect(new Set(seen)).toEqual(new Set([undefined]));
    });

    it('gives the handler of subscribe the context of the subscriber', async () => {
      const pubsub = await startModule();
      const calls: (string | undefined)[] = [];
      const subscribe = async (name: string): Promise<string | undefined> => {
        await within(name, async () => {
          await pubsub.subscribe('context.subscribe', () => calls.push(requests.getStore()));
          calls.push(requests.getStore());
        });
        return requests.getStore();
      };
      await Promise.all(names(3).map(subscribe));
      await within('publisher', () => pubsub.publish('context.subscribe', 1));
      await eventually(() => calls.length === 6);
      expect(calls.toSorted()).toEqual([...names(3), ...names(3)].toSorted());
    });

    it('gives the listeners of the gaps the context that they were added in', async () => {
      const { server } = await startService(eventHandlers({ 'context.gaps': () => undefined }), {
        connection: redis.url,
      });
      const contexts: (string | undefined)[] = [];
      within('gaps', () => server.gaps.subscribe(() => contexts.push(requests.getStore())));
      await redis.killConnections();
      await eventually(() => contexts.length === 1);
      expect(contexts).toEqual(['gaps']);
    });
  });

  describe('the context of a handler', () => {
    const seen: (string | undefined)[] = [];
    const handle = (): void => {
      seen.push(requests.getStore());
      // It must not reach the messages that follow.
      requests.enterWith('another message');
    };

    it.each([
      ['', {}],
      [', one at a time,', { concurrency: 1 }],
      [', in the order of its channel,', { order: 'channel' } as const],
    ])('%s is that of no request', async (name, extras) => {
      seen.length = 0;
      const channel = `context.handler${name.replaceAll(/\W/g, '')}`;
      await within('start', () =>
        startService(eventHandlers({ [channel]: handle }, extras), { connection: redis.url }),
      );
      const client = createClient({ connection: redis.url });
      await Promise.all(
        names(20).map((it) => within(it, () => firstValueFrom(client.emit(channel, it)))),
      );
      await eventually(() => seen.length === 20);
      expect(new Set(seen)).toEqual(new Set([undefined]));
    });
  });

  describe('the context of a processing hook, and of the events of a handler,', () => {
    it.each([
      ['', {}],
      [', one at a time,', { concurrency: 1 }],
      [', in the order of its channel,', { order: 'channel' } as const],
    ])('%s is that of no other message, and of no request', async (name, extras) => {
      const topic = `context.hooks${name.replaceAll(/\W/g, '')}`;
      const before: unknown[] = [];
      const handled: unknown[] = [];
      const after: unknown[] = [];
      const handle = async (data: unknown): Promise<void> => {
        await Promise.resolve();
        handled.push([data, requests.getStore()]);
        requests.enterWith('a message');
      };
      const { server } = await within('start', () =>
        startService(eventHandlers({ [topic]: handle }, extras), { connection: redis.url }),
      );
      within('set', () => {
        server.setOnProcessingStartHook((_, context, done) => {
          before.push(requests.getStore());
          const { id } = (context as RedisPubSubContext).getHeaders();
          requests.run(`message ${id}`, () => void done());
        });
        server.setOnProcessingEndHook((_, context) => {
          const { id } = (context as RedisPubSubContext).getHeaders();
          after.push([`message ${id}`, requests.getStore()]);
        });
      });
      const traced = channel('tracing:nestjs-redis-pubsub:handle:asyncEnd');
      const ended: unknown[] = [];
      const listener = (trace: unknown): void => {
        ended.push([`message ${(trace as HandleTrace).headers.id}`, requests.getStore()]);
      };
      traced.subscribe(listener);
      closeAfterTest(async () => traced.unsubscribe(listener));
      const client = createClient({ connection: redis.url });
      const ids = Array.from({ length: 20 }, (_, i) => `${i}`);
      await Promise.all(
        ids.map((id) =>
          within(`sender ${id}`, () => firstValueFrom(client.emit(topic, recordOf(id)))),
        ),
      );
      await eventually(() => after.length === 20 && ended.length === 20);
      expect(new Set(before)).toEqual(new Set([undefined]));
      const own = ids.map((id) => [`message ${id}`, `message ${id}`]);
      expect(byNumber(handled)).toEqual(own);
      expect(byNumber(after)).toEqual(own);
      expect(byNumber(ended)).toEqual(own);
    });
  });

  describe('frees the store of a request', () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const stores = new AsyncLocalStorage<object>();

    /** Runs `work` with a store, and resolves when the store is freed. */
    async function isFreed(work: () => Promise<unknown>): Promise<void> {
      const run = async (): Promise<WeakRef<object>> => {
        const store = { of: 'a request' };
        await stores.run(store, work);
        return new WeakRef(store);
      };
      const store = await run();
      await eventually(async () => {
        await new Promise(setImmediate);
        collectGarbage();
        return store.deref() === undefined;
      }, 'the store is freed');
    }

    it.each([
      ['that connected a client', 'context.freed'],
      ['that connected a client again', 'context.freed-again'],
    ])('%s', async (_, channel) => {
      const client = createClient({ connection: redis.url });
      await isFreed(() => firstValueFrom(client.emit(channel, 1)));
      expect(connected(client)).toEqual(['ready', 'ready']);
      await isFreed(async () => {
        for (const { stream } of client.unwrap<Redis[]>()) stream.destroy();
        await eventually(() => connected(client).every((status) => status === 'reconnecting'));
        await eventually(() => connected(client).every((status) => status === 'ready'));
        await firstValueFrom(client.emit(channel, 1));
      });
    });

    it('that was the first to use a shard channel, and ended', async () => {
      const pubsub = await startModule();
      await isFreed(async () => {
        const subscription = await pubsub.subscribe('context.shard', () => undefined, {
          sharded: true,
        });
        subscription.unsubscribe();
      });
      expect(pubsub.status).toBe('connected');
    });

    it('whose messages waited for a lost connection', async () => {
      const pubsub = await startModule({ publishBuffer: { maxAge: 20_000 } });
      await redis.stop();
      await eventually(() => pubsub.status === 'reconnecting');
      await isFreed(async () => {
        const published = pubsub.publish('context.waited', 1);
        // The process of the server has a context, too.
        await stores.exit(() => redis.start());
        expect(await published).toBe(0);
      });
      await eventually(() => pubsub.status === 'connected');
    });

    it('whose request was answered', async () => {
      await startService(
        requestHandler('context.answered', (data) => data),
        {
          connection: redis.url,
        },
      );
      const client = createClient({ connection: redis.url });
      await isFreed(() => firstValueFrom(client.send('context.answered', 1)));
      expect(connected(client)).toEqual(['ready', 'ready']);
    });
  });
});
