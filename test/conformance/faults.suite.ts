import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { RedisPubSubModuleOptions } from 'nestjs-redis-pubsub';
import type { RedisFaults } from 'nestjs-redis-pubsub/testing';
import { eventually } from '../support/redis.js';
import { DIFFERENCES, type Difference, type FaultSource } from './differences.js';
import { whenSubscribed } from '../../src/broker/broker.js';
import { Collector, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';
import { HANDLERS, startFaultedApp, subscriptions, type FaultedApp } from './faulted-app.js';

/** A Redis with faults, in memory or behind a proxy. */
export interface FaultedRedis {
  readonly source: FaultSource;
  /** For applications, which the faults concern. */
  readonly connection: RedisPubSubModuleOptions['connection'];
  readonly faults: RedisFaults;
  /** Publishes JSON as another service, which no fault concerns. Resolves to the number of receivers. */
  readonly publish: (channel: string, data: unknown) => Promise<number>;
}

/** A gap, as handlers and observers are told. */
interface Gap {
  readonly from: Date;
  readonly to: Date;
}

/** The value of a promise, or the code of the error that it rejects with. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: { code?: string }) => error.code);
}

/** What the ways to publish give: `publish`, `emit`, and `send` to a handler that adds 1 and 2. */
async function outcomes({ service, client }: FaultedApp): Promise<unknown[]> {
  return Promise.all([
    outcomeOf(service.publish('news', 'published')),
    outcomeOf(firstValueFrom(client.emit('news', 'emitted'))),
    outcomeOf(firstValueFrom(client.send('sum', [1, 2]))),
  ]);
}

const sorted = (values: Iterable<string>): string[] => [...new Set(values)].toSorted();

/** Expects that a gap begins before an outage and ends after it. */
function expectCovers(gap: Gap | undefined, from: Date, to: Date): void {
  expect(gap?.from.getTime()).toBeLessThanOrEqual(from.getTime());
  expect(gap?.to.getTime()).toBeGreaterThanOrEqual(to.getTime());
}

/** Expects the gaps of one outage from each handler and from the observer. */
function expectGaps({ gaps, observed }: FaultedApp, outage: [Date, Date], atMost = 1): void {
  expect(sorted(gaps.map(({ pattern }) => pattern))).toEqual(HANDLERS);
  for (const pattern of HANDLERS) {
    const own = gaps.filter((it) => it.pattern === pattern);
    expect(own.length).toBeLessThanOrEqual(atMost);
    expectCovers(own.at(-1), ...outage);
  }
  expect(observed.length).toBeLessThanOrEqual(atMost);
  expectCovers(observed.at(-1), ...outage);
}

/** The same outcome of each fault, from whatever source. What differs on purpose is in {@link DIFFERENCES}. */
export function faultsSuite(name: string, create: () => Promise<FaultedRedis>): void {
  const start = async (options?: RedisPubSubModuleOptions) => {
    const redis = await create();
    const app = await startFaultedApp(redis.connection, options);
    return { ...redis, app, expected: <V>(it: Difference<V>): V => it[redis.source].expected };
  };

  describe(`faults of ${name}`, () => {
    it('cut: nothing can be published, and all handlers and observers are told the gap', async () => {
      const { app, faults, publish } = await start();
      faults.cut();
      const cutAt = new Date();
      await app.becomes('reconnecting');
      expect(await publish(`${app.prefix}news`, 'lost')).toBe(0);
      expect(await outcomes(app)).toEqual([
        'ERR_PUBSUB_CONNECTION',
        'ERR_PUBSUB_CONNECTION',
        'ERR_PUBSUB_CONNECTION',
      ]);
      const restoredAt = new Date();
      faults.restore();
      await app.becomes('connected');
      expect(await publish(`${app.prefix}news`, 'heard')).toBe(1);
      expect(await publish(`${app.prefix}user.1`, 'heard')).toBe(1);
      await eventually(() => app.received.length === 2);
      expect(app.received).toEqual(['news heard', 'user.1 heard']);
      expect(app.statuses).toEqual(['reconnecting', 'connected']);
      expect(app.serverStatuses).toEqual(app.statuses);
      expect(app.subscribed.toSorted()).toEqual(subscriptions('gap'));
      expectGaps(app, [cutAt, restoredAt]);
      expect(await outcomes(app)).toEqual([1, 1, 3]);
    });

    it('cut: a message in flight fails, and a request waits for its reply until its timeout', async () => {
      const { app, faults } = await start({ requestTimeout: 500 });
      const ask = (): Promise<unknown> => outcomeOf(firstValueFrom(app.client.send('sum', [1, 2])));
      // From now on its client is subscribed to its replies.
      expect(await ask()).toBe(3);
      faults.dropNext();
      const request = ask();
      expect(await app.service.publish('none', 'after the request')).toBe(0);
      const message = outcomeOf(app.service.publish('watched', 'in flight'));
      faults.cut();
      expect(await message).toBe('ERR_PUBSUB_CONNECTION');
      expect(await request).toBe('ERR_PUBSUB_TIMEOUT');
      faults.restore();
      await app.becomes('connected');
      expect(await app.service.publish('watched', 'heard')).toBe(1);
      await eventually(() => app.received.length > 0);
      expect(app.received).toEqual(['watched heard']);
    });

    it('cut and deafen: a readiness check is down until restore', async () => {
      const { app, faults } = await start();
      expect(app.health()).toBe('up');
      faults.cut();
      await app.becomes('reconnecting');
      expect(app.health()).toBe('down');
      faults.restore();
      await app.becomes('connected');
      expect(app.health()).toBe('up');
      faults.deafen();
      await app.becomes('starving');
      expect(app.health()).toBe('down');
      faults.restore();
      await eventually(() => app.health() === 'up');
    });

    it('cut: several in a row have one gap each', async () => {
      const { app, faults } = await start();
      for (const _ of [1, 2]) {
        faults.cut();
        faults.cut();
        await app.becomes('reconnecting');
        faults.restore();
        await app.becomes('connected');
      }
      expect(app.statuses).toEqual(['reconnecting', 'connected', 'reconnecting', 'connected']);
      expect(app.observed).toHaveLength(2);
      expect(app.gaps).toHaveLength(2 * HANDLERS.length);
    });

    it('cut: a message waits in the publish buffer for restore, or fails at its time limit', async () => {
      const { app, faults, expected } = await start({
        publishBuffer: { maxMessages: 1, maxAge: 20_000 },
      });
      faults.cut();
      await app.becomes('reconnecting');
      const waiting = app.service.publish('watched', 'waited');
      expect(await outcomeOf(app.service.publish('news', 'too many'))).toBe(
        'ERR_PUBSUB_CONNECTION',
      );
      faults.restore();
      const receivers = await waiting;
      await app.becomes('connected');
      const isHeard = receivers === 1;
      expect(isHeard || expected(DIFFERENCES.bufferedMessages) === 'any').toBe(true);
      await app.service.publish('watched', 'last');
      await eventually(() => app.received.includes('watched last'));
      expect(app.received).toEqual([...(isHeard ? ['watched waited'] : []), 'watched last']);
    });

    it('cut: an application that starts then is connected by restore, and is told a gap', async () => {
      const redis = await create();
      redis.faults.cut();
      const app = await startFaultedApp(redis.connection, { onStart: 'background' });
      expect(app.service.status).toBe('connecting');
      expect(await outcomeOf(app.service.publish('news', 'x'))).toBe('ERR_PUBSUB_CONNECTION');
      redis.faults.restore();
      await app.becomes('connected');
      await eventually(() => app.gaps.length === HANDLERS.length && app.observed.length === 1);
      expect(app.statuses).toEqual(['connected']);
      expect(app.observed).toEqual([undefined]);
      expect(await outcomes(app)).toEqual([1, 1, 3]);
    });

    it('cut: an application that must connect at once does not start', async () => {
      const redis = await create();
      redis.faults.cut();
      const started = startFaultedApp(redis.connection, { onStart: 'fail' });
      expect(await outcomeOf(started)).toBe('ERR_PUBSUB_CONNECTION');
    });

    it('deafen: Redis counts the receivers, none of them receives, and restore ends the gap', async () => {
      const { app, faults, publish, expected } = await start({ requestTimeout: 50 });
      faults.deafen();
      const deafAt = new Date();
      expect(app.service.status === 'starving').toBe(expected(DIFFERENCES.whenDeaf) === 'at once');
      expect(await outcomes(app)).toEqual([1, 1, 'ERR_PUBSUB_TIMEOUT']);
      const whileDeaf = expected(DIFFERENCES.statusesWhileDeaf);
      await eventually(() => whileDeaf.test(app.statuses.join(' ')));
      await app.becomes('starving');
      const before = app.statuses.length;
      const restoredAt = new Date();
      faults.restore();
      await app.becomes('connected');
      expect(await publish(`${app.prefix}news`, 'heard')).toBe(1);
      await eventually(() => app.received.length > 0);
      expect(app.received).toEqual(['news heard']);
      expect(app.statuses.slice(before).join(' ')).toBe(expected(DIFFERENCES.statusesAfterDeaf));
      expect(app.serverStatuses).toEqual(app.statuses);
      expect(sorted(app.subscribed)).toEqual(subscriptions('gap'));
      expectGaps(app, [deafAt, restoredAt], expected(DIFFERENCES.gapsWhileDeaf));
    });

    it('deafen: changes nothing for an application without subscriptions', async () => {
      const redis = await create();
      const broker = createTestBroker(redis.connection as string);
      await broker.connect(20_000);
      const statuses: string[] = [];
      broker.onStatus((status) => statuses.push(status));
      redis.faults.deafen();
      redis.faults.restore();
      const [name, collector] = [unique('after'), new Collector()];
      await whenSubscribed(broker, { kind: 'channel', name }, collector);
      expect(await broker.publish(name, 'heard')).toBe(1);
      await collector.receives(1);
      expect(statuses).toEqual([]);
      // Its own first subscription is deaf, too.
      redis.faults.deafen();
      expect(await broker.publish(name, 'lost')).toBe(1);
      redis.faults.restore();
      await eventually(() => collector.gaps.length === 1);
      expect(await broker.publish(name, 'last')).toBe(1);
      await collector.receives(2);
      expect(collector.texts).toEqual(['heard', 'last']);
    });

    it('refuse: a subscription that is refused ends its connection, and restore brings it back', async () => {
      const { app, faults, publish, expected } = await start();
      faults.refuse('SUBSCRIBE', `${app.prefix}ne[vw]s`);
      const refusedAt = new Date();
      await eventually(() => app.subscribed.includes('channel news refused'));
      await eventually(() => app.subscribed.includes('pattern user.* gap'));
      expect(app.service.status).toBe('reconnecting');
      expect(await publish(`${app.prefix}news`, 'lost')).toBe(0);
      expect(await publish(`${app.prefix}user.1`, 'heard')).toBe(1);
      await eventually(() => app.received.length === 1);
      const refusals = (): number => app.subscribed.filter((it) => it.endsWith('refused')).length;
      await eventually(() => refusals() === expected(DIFFERENCES.retriesOfRefused));
      const restoredAt = new Date();
      faults.restore();
      await app.becomes('connected');
      expect(refusals()).toBe(expected(DIFFERENCES.retriesOfRefused));
      expect(await publish(`${app.prefix}news`, 'heard')).toBe(1);
      await eventually(() => app.received.length === 2);
      expect(app.received).toEqual(['user.1 heard', 'news heard']);
      expect(app.statuses).toEqual(['reconnecting', 'connected']);
      expect(sorted(app.subscribed)).toEqual(
        [...subscriptions('gap'), 'channel news refused'].toSorted(),
      );
      expect(app.gaps.map(({ pattern }) => pattern).toSorted()).toEqual(HANDLERS);
      expectCovers(
        app.gaps.find(({ pattern }) => pattern === 'news'),
        refusedAt,
        restoredAt,
      );
      expectCovers(app.observed[0], refusedAt, refusedAt);
    });

    it.each([
      ['SUBSCRIBE', 'subscribe', 'observe', '1'],
      ['PSUBSCRIBE', 'subscribePattern', 'observePattern', '*'],
    ] as const)('refuse: %s fails a new %s, and no other', async (command, verb, observe, end) => {
      const { app, faults } = await start();
      faults.refuse(command, `${app.prefix}secret.*`);
      const messages: unknown[] = [];
      const subscribe = (name: string): Promise<unknown> =>
        outcomeOf(app.service[verb](name, ({ data }) => messages.push(data)));
      const [secret, open] = [`secret.${end}`, `open.${end}`];
      expect(await subscribe(secret)).toBe('ERR_PUBSUB_SUBSCRIBE');
      expect(await outcomeOf(firstValueFrom(app.service[observe](secret)))).toBe(
        'ERR_PUBSUB_SUBSCRIBE',
      );
      expect(await subscribe(open)).toMatchObject({ pattern: open });
      faults.restore();
      expect(await subscribe(secret)).toMatchObject({ pattern: secret });
      expect(await app.service.publish('secret.1', 'heard')).toBe(1);
      await eventually(() => messages.length === 1);
      expect(app.statuses).toEqual([]);
      expect(app.gaps).toEqual([]);
    });

    it('refuse: PUBLISH fails each way to publish, without an outage', async () => {
      const { app, faults } = await start();
      faults.refuse('PUBLISH', `${app.prefix}news`);
      faults.refuse('PUBLISH', `${app.prefix}sum`);
      expect(await outcomes(app)).toEqual([
        'ERR_PUBSUB_PUBLISH',
        'ERR_PUBSUB_PUBLISH',
        'ERR_PUBSUB_PUBLISH',
      ]);
      expect(await app.service.publish('user.1', 'heard')).toBe(1);
      faults.restore();
      expect(await outcomes(app)).toEqual([1, 1, 3]);
      await eventually(() => app.received.length === 3);
      expect(app.received).toEqual(['user.1 heard', 'news published', 'news emitted']);
      expect(app.statuses).toEqual([]);
    });

    it('refuse: PUBLISH fails messages that are sent in batches', async () => {
      const { app, faults, expected } = await start({ batchPublishes: true });
      faults.refuse('PUBLISH', `${app.prefix}secret`);
      // A script has at least 32 messages.
      const pairs = Array.from({ length: 20 }, () => ['secret', 'open']);
      const publishAll = async (): Promise<unknown[]> =>
        Promise.all(pairs.flat().map((it) => outcomeOf(app.service.publish(it, 'x'))));
      expect(await publishAll()).toEqual(pairs.flatMap(() => expected(DIFFERENCES.refusedScripts)));
      // By now each message is a PUBLISH of its own.
      expect(await publishAll()).toEqual(pairs.flatMap(() => ['ERR_PUBSUB_PUBLISH', 0]));
      faults.restore();
      expect(await publishAll()).toEqual(pairs.flatMap(() => [0, 0]));
    });

    it('refuse: SPUBLISH and SSUBSCRIBE, for shard channels', async () => {
      const { app, faults } = await start();
      const sharded = { sharded: true };
      const messages: unknown[] = [];
      const subscribe = (channel: string): Promise<unknown> =>
        outcomeOf(app.service.subscribe(channel, ({ data }) => messages.push(data), sharded));
      faults.refuse('SPUBLISH');
      faults.refuse('SSUBSCRIBE', `${app.prefix}secret`);
      expect(await subscribe('secret')).toBe('ERR_PUBSUB_SUBSCRIBE');
      expect(await subscribe('open')).toMatchObject({ pattern: 'open' });
      expect(await outcomeOf(app.service.publish('open', 'x', sharded))).toBe('ERR_PUBSUB_PUBLISH');
      expect(await app.service.publish('open', 'x')).toBe(0);
      faults.restore();
      expect(await app.service.publish('open', 'heard', sharded)).toBe(1);
      await eventually(() => messages.length === 1);
      expect(messages).toEqual(['heard']);
    });

    it('refuse: PUBSUB fails the queries', async () => {
      const { app, faults } = await start();
      faults.refuse('PUBSUB');
      expect(await outcomeOf(app.service.channels())).toBe('ERR_PUBSUB_QUERY');
      expect(await outcomeOf(app.service.subscriberCounts('news'))).toBe('ERR_PUBSUB_QUERY');
      expect(await outcomeOf(app.service.patternCount())).toBe('ERR_PUBSUB_QUERY');
      faults.restore();
      expect(await app.service.subscriberCounts('news')).toEqual({ news: 1 });
      expect(app.statuses).toEqual([]);
    });

    it('delay: answers and messages come later, in their order, without an outage', async () => {
      const { app, faults, publish } = await start();
      faults.delay(60);
      const before = performance.now();
      await publish(`${app.prefix}watched`, 'first');
      const answers = await Promise.all([
        app.service.publish('watched', 'second'),
        app.service.publish('watched', 'third'),
      ]);
      expect(performance.now() - before).toBeGreaterThanOrEqual(59);
      expect(answers).toEqual([1, 1]);
      await eventually(() => app.received.length === 3);
      expect(app.received).toEqual(['watched first', 'watched second', 'watched third']);
      faults.restore();
      expect(await outcomes(app)).toEqual([1, 1, 3]);
      expect(app.statuses).toEqual([]);
    });

    it('delay: a new connection', async () => {
      const redis = await create();
      const isDelayed = DIFFERENCES.delayOfConnecting[redis.source].expected === 'later';
      const broker = createTestBroker(redis.connection as string);
      const delayMs = isDelayed ? 60 : 3_600_000;
      redis.faults.delay(delayMs);
      const before = performance.now();
      await broker.connect(20_000);
      expect(performance.now() - before).toBeGreaterThanOrEqual(isDelayed ? delayMs - 1 : 0);
      expect(broker.status).toBe('connected');
      redis.faults.restore();
    });

    it('delay: restore delivers what is delayed', async () => {
      const { app, faults, publish } = await start({ pingTimeout: 60_000, probeInterval: 0 });
      faults.delay(3_600_000);
      await publish(`${app.prefix}watched`, 'first');
      const answer = app.service.publish('watched', 'second');
      faults.restore();
      expect(await answer).toBe(1);
      await eventually(() => app.received.length === 2);
      expect(app.received).toEqual(['watched first', 'watched second']);
    });

    it('dropNext: the next message tells how many of its publisher got lost', async () => {
      const { app, faults } = await start();
      expect(await app.service.publish('watched', 1)).toBe(1);
      await eventually(() => app.received.length === 1);
      faults.dropNext(2);
      for (const number of [2, 3, 4]) expect(await app.service.publish('watched', number)).toBe(1);
      await eventually(() => app.received.length === 2);
      expect(app.received).toEqual(['watched 1', 'watched 4']);
      expect(app.lost).toEqual(['watched 2']);
    });

    it('dropNext: so many messages get lost, without an outage and without a gap', async () => {
      const { app, faults, publish } = await start();
      faults.dropNext();
      faults.dropNext(2);
      for (const number of [1, 2, 3, 4]) {
        expect(await publish(`${app.prefix}news`, number)).toBe(1);
      }
      await eventually(() => app.received.length === 1);
      expect(app.received).toEqual(['news 4']);
      faults.dropNext(2);
      faults.restore();
      // The reply to a request is a message of the package itself.
      expect(await outcomes(app)).toEqual([1, 1, 3]);
      expect(app.statuses).toEqual([]);
      expect(app.gaps).toEqual([]);
    });
  });
}
