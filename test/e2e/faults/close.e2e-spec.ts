import type { Redis } from 'ioredis';
import { ClosedError, RedisPubSubClient, RedisPubSubServer } from 'nestjs-redis-pubsub';
import { from, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { whenSubscribed } from '../../../src/broker/broker.js';
import { resolveOptions } from '../../../src/options/resolve-options.js';
import { MessageBus } from '../../../src/transport/message-bus.js';
import { CollectedLog, Collector } from '../../conformance/collector.js';
import { createTestBroker } from '../../conformance/test-broker.js';
import { startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { Gate } from '../../support/gate.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis, watchCommands } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';

/** A hook that only runs the handler. */
const handle = (_transport: unknown, _context: unknown, done: () => Promise<unknown>): unknown =>
  done();

describe('app.close()', () => {
  const redis = useRedis();

  it('sends nothing after QUIT, however many subscriptions end with it', async () => {
    const channels = Array.from({ length: 3_000 }, (_, i) => `close.many.${i}`);
    const log = new CollectedLog();
    const broker = createTestBroker(redis.url, { log });
    await broker.connect(0);
    const listener = new Collector();
    const keys = channels.map((name) => ({ kind: 'channel', name }) as const);
    await Promise.all(keys.map((key) => whenSubscribed(broker, key, listener)));
    const commands = await watchCommands(redis.client);
    const closed = broker.close();
    for (const key of keys) broker.unsubscribe(key, listener);
    await closed;
    await redis.client.echo('end');
    await eventually(() => commands.includes('echo'));
    expect(commands.filter((name) => !/^(echo|ping)$/i.test(name))).toEqual(['quit', 'quit']);
    expect(log.lines).toEqual([expect.stringMatching(/^log: Connected the publisher/)]);
  });

  describe('while a handler is running', () => {
    it('receives no more messages, keeps the publisher open, and waits for the handler', async () => {
      const steps: unknown[] = [];
      const gate = new Gate();
      const { app } = await startService(
        eventHandlers({
          'close.ours': async (data) => {
            steps.push(data);
            await gate.opened;
            steps.push('handled');
          },
        }),
        { connection: redis.url },
      );
      await redis.client.publish('close.ours', '"started"');
      await eventually(() => steps.length === 1);
      const closing = app.close().then(() => steps.push('closed'));
      await redis.subscribers('close.ours', 0);
      expect(await redis.client.publish('close.ours', '"late"')).toBe(0);
      // A close that does not wait closes the publisher within a few round trips.
      const [publisher] = app.unwrap<[Redis, Redis]>();
      for (let i = 0; i < 100; i++) expect(await publisher.ping()).toBe('PONG');
      gate.open();
      await closing;
      expect(steps).toEqual(['started', 'handled', 'closed']);
    });

    it('waits for a deserializer that is running', async () => {
      const gate = new Gate();
      let isReading = false;
      const seen: unknown[] = [];
      const deserializer = {
        deserialize: async (data: unknown) => {
          isReading = true;
          await gate.opened;
          return { pattern: undefined, data };
        },
      };
      const { app } = await startService(
        eventHandlers({ 'close.read': (data) => void seen.push(data) }),
        { connection: redis.url, deserializer },
      );
      await redis.client.publish('close.read', '1');
      await eventually(() => isReading);
      const closing = app.close();
      await redis.subscribers('close.read', 0);
      gate.open();
      await closing;
      expect(seen).toEqual([1]);
    });

    it('waits for a hook that runs before the handler', async () => {
      const gate = new Gate();
      let hasBegun = false;
      const seen: unknown[] = [];
      const { app, server } = await startService(
        eventHandlers({ 'close.hook': (data) => void seen.push(data) }),
        { connection: redis.url },
      );
      const hook = (
        _transport: unknown,
        _context: unknown,
        done: () => Promise<unknown>,
      ): unknown => {
        hasBegun = true;
        return gate.opened.then(done);
      };
      server.setOnProcessingStartHook(hook);
      await redis.client.publish('close.hook', '1');
      await eventually(() => hasBegun);
      const closing = app.close();
      await redis.subscribers('close.hook', 0);
      gate.open();
      await closing;
      expect(seen).toEqual([1]);
    });

    it('waits for every handler that is running', async () => {
      const gates = [new Gate(), new Gate()];
      const started: unknown[] = [];
      const ended: unknown[] = [];
      const { app } = await startService(
        eventHandlers({
          'close.many': async (data) => {
            started.push(data);
            await gates[Number(data)]?.opened;
            ended.push(data);
          },
        }),
        { connection: redis.url },
      );
      await redis.client.publish('close.many', '0');
      await redis.client.publish('close.many', '1');
      await eventually(() => started.length === 2);
      const closing = app.close().then(() => ended.push('closed'));
      await redis.subscribers('close.many', 0);
      gates[1]?.open();
      await eventually(() => ended.length === 1);
      gates[0]?.open();
      await closing;
      expect(ended).toEqual([1, 0, 'closed']);
    });

    it('waits for the end of a stream', async () => {
      const steps: unknown[] = [];
      const gate = new Gate();
      const { app } = await startService(
        eventHandlers({
          'close.stream': () => {
            steps.push('started');
            return from(gate.opened).pipe(tap(() => steps.push('ended')));
          },
        }),
        { connection: redis.url },
      );
      await redis.client.publish('close.stream', '1');
      await eventually(() => steps.length === 1);
      const closing = app.close().then(() => steps.push('closed'));
      await redis.subscribers('close.stream', 0);
      gate.open();
      await closing;
      expect(steps).toEqual(['started', 'ended', 'closed']);
    });

    it('waits at most shutdownTimeout, and logs the number of handlers still running', async () => {
      let started = 0;
      const { app, log } = await startService(
        eventHandlers({
          'close.stuck': () => {
            started++;
            return new Promise(() => {});
          },
        }),
        { connection: redis.url, shutdownTimeout: 20 },
      );
      await redis.client.publish('close.stuck', '1');
      await eventually(() => started === 1);
      await app.close();
      expect(log.of('warn')).toEqual([
        expect.stringMatching(/^Closed with 1 handlers still running after \d+ ms/),
      ]);
    });

    it('counts a handler once when a hook runs it', async () => {
      let started = 0;
      const { app, log, server } = await startService(
        eventHandlers({
          'close.hooked': () => {
            started++;
            return new Promise(() => {});
          },
        }),
        { connection: redis.url, shutdownTimeout: 20 },
      );
      server.setOnProcessingStartHook(handle);
      await redis.client.publish('close.hooked', '1');
      await eventually(() => started === 1);
      await app.close();
      expect(log.of('warn')).toEqual([
        expect.stringMatching(/^Closed with 1 handlers still running/),
      ]);
    });

    it('counter-proof: the built-in transport (Transport.REDIS) does not wait', async () => {
      const steps: unknown[] = [];
      const gate = new Gate();
      const { app } = await startBuiltIn(
        eventHandlers({
          'close.builtin': async (data) => {
            steps.push(data);
            await gate.opened;
            steps.push('handled');
          },
        }),
        { port: redis.port },
      );
      await redis.subscribers('close.builtin', 1);
      await redis.client.publish('close.builtin', '"started"');
      await eventually(() => steps.length === 1);
      await app.close();
      steps.push('closed');
      gate.open();
      await eventually(() => steps.length === 3);
      expect(steps).toEqual(['started', 'closed', 'handled']);
    });
  });

  describe('called twice', () => {
    it('rejects a pending start with ClosedError, not with ConnectionError', async () => {
      const server = new RedisPubSubServer({ connection: redis.url });
      const listening = new Promise((resolve) => server.listen(resolve));
      await Promise.all([server.close(), server.close()]);
      expect(await listening).toBeInstanceOf(ClosedError);
    });

    it('rejects a start that was called between the two with ClosedError', async () => {
      const { server } = await startService(eventHandlers({ 'close.between': () => {} }), {
        connection: redis.url,
      });
      void server.close();
      const listening = new Promise((resolve) => server.listen(resolve));
      await server.close();
      expect(await listening).toBeInstanceOf(ClosedError);
      expect(server.isListening).toBe(false);
      await redis.subscribers('close.between', 0);
    });

    it('resolves both times, concurrently and one after the other', async () => {
      const { app } = await startService(eventHandlers({ 'close.twice': () => {} }), {
        connection: redis.url,
      });
      await expect(Promise.all([app.close(), app.close()])).resolves.toHaveLength(2);
      await expect(app.close()).resolves.toBeUndefined();
      expect(app.unwrap<Redis[]>().map(({ status }) => status)).toEqual(['end', 'end']);
    });

    it('counter-proof: the built-in transport (Transport.REDIS) rejects the second time', async () => {
      const { app } = await startBuiltIn(eventHandlers({ 'close.again': () => {} }), {
        port: redis.port,
      });
      await redis.subscribers('close.again', 1);
      await app.close();
      await expect(app.close()).rejects.toThrow('Connection is closed');
    });
  });

  describe('when the connection is lost already', () => {
    it('resolves while the connection is reconnecting', async () => {
      const proxy = await startProxy(redis.port);
      const { app, server } = await startService(eventHandlers({ 'close.dead': () => {} }), {
        connection: proxy.url,
      });
      const statuses: string[] = [];
      server.status.subscribe((status) => statuses.push(status));
      await proxy.stop();
      await eventually(() => statuses.at(-1) === 'reconnecting');
      const before = proxy.accepted;
      await expect(app.close()).resolves.toBeUndefined();
      expect(statuses.at(-1)).toBe('disconnected');
      expect(proxy.accepted).toBe(before);
    });

    it('resolves on a connection that is half-open', async () => {
      const proxy = await startProxy(redis.port);
      const { app } = await startService(eventHandlers({ 'close.halfopen': () => {} }), {
        connection: proxy.url,
      });
      proxy.swallow();
      await expect(app.close()).resolves.toBeUndefined();
      expect(app.unwrap<Redis[]>().map(({ status }) => status)).toEqual(['end', 'end']);
    });

    it('resolves when the retryStrategy has given up', async () => {
      const proxy = await startProxy(redis.port);
      const { app, server } = await startService(eventHandlers({ 'close.ended': () => {} }), {
        connection: { host: '127.0.0.1', port: proxy.port, retryStrategy: () => null },
      });
      const statuses: string[] = [];
      server.status.subscribe((status) => statuses.push(status));
      await proxy.stop();
      await eventually(() => statuses.at(-1) === 'disconnected');
      await expect(app.close()).resolves.toBeUndefined();
    });

    it('counter-proof: the built-in transport (Transport.REDIS) rejects close()', async () => {
      const proxy = await startProxy(redis.port);
      const received: unknown[] = [];
      const { app, statuses } = await startBuiltIn(
        eventHandlers({ 'close.lost': (data) => void received.push(data) }),
        { host: '127.0.0.1', port: proxy.port },
      );
      await redis.subscribers('close.lost', 1);
      // This message arrives after the acknowledgement, whose loss would be an unhandled rejection.
      await redis.client.publish('close.lost', '1');
      await eventually(() => received.length === 1);
      await proxy.stop();
      await eventually(() => statuses.at(-1) === 'disconnected');
      await expect(app.close()).rejects.toThrow('Connection is closed');
    });
  });
});

const waitFor = async (microtasks: number): Promise<void> => {
  for (let i = 0; i < microtasks; i++) await Promise.resolve();
};

describe('a close right after the start', () => {
  const redis = useRedis();
  const MICROTASKS = [0, 1, 2, 3, 4, 5];

  it.each(MICROTASKS)('after %i microtasks ends the connections of a client', async (count) => {
    const client = new RedisPubSubClient({ connection: redis.url });
    const connected = client.connect().catch((error: unknown) => error);
    await waitFor(count);
    await client.close();
    expect(await connected).toBeInstanceOf(ClosedError);
    const states = client.unwrap<[Redis, Redis]>().map(({ status }) => status);
    expect(states).not.toContain('ready');
  });

  it.each(MICROTASKS)('after %i microtasks leaves no subscription of a server', async (count) => {
    const bus = new MessageBus(resolveOptions('RedisPubSubServer', { connection: redis.url }));
    await bus.start();
    const server = new RedisPubSubServer(bus);
    server.addHandler('close.soon', async () => undefined, true);
    const started = new Promise<unknown>((resolve) => {
      server.listen(resolve);
    });
    await waitFor(count);
    await server.close();
    expect(await started).toBeInstanceOf(ClosedError);
    expect(server.isListening).toBe(false);
    await redis.subscribers('close.soon', 0);
    await bus.close();
  });
});
