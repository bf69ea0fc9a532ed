import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SubscriptionKey } from '../../../../src/channel/subscription-key.js';
import type { ServerInfo } from '../../../../src/broker/connection/ioredis-internals.js';
import { NodeSubscriber } from '../../../../src/broker/subscribing/node-subscriber.js';
import type { NodeSubscriberOptions } from '../../../../src/broker/subscribing/node-subscriber-options.js';
import { ClosedError, ConnectionError } from '../../../../src/errors.js';
import { telemetry } from '../../../../src/telemetry.js';
import {
  FakeClient,
  FakeLog,
  outcomeOf,
  pass,
  replyError,
  useFakeClock,
  useRealClock,
} from '../fake-client.js';
import { Listener } from './registry-listener.js';

const A: SubscriptionKey = { kind: 'channel', name: 'a' };
const SHARD: SubscriptionKey = { kind: 'shard', name: 'a' };
const PROBE_INTERVAL = 1_000;
const LISTENER = new Listener();

/** A publisher that accepts the probes. */
class FakePublisher {
  isReady = true;
  readonly published: string[] = [];
  readonly payloads: string[] = [];
  readonly restarts: string[] = [];

  async publish(channel: string, payload: string, kind: string): Promise<number> {
    this.payloads.push(payload);
    this.published.push(`${kind} ${channel}`);
    return 1;
  }

  restart(reason: string): void {
    this.restarts.push(reason);
  }
}

/** The connector of ioredis, which is given each answer to INFO. */
interface FakeConnector {
  readonly connect: () => boolean;
  readonly disconnect: () => boolean;
  check(info: ServerInfo): boolean;
}

const accept = (): boolean => true;

const info = (disconnections: number): ServerInfo => ({
  run_id: 'a',
  client_output_buffer_limit_disconnections: String(disconnections),
  pubsub_patterns: '1001',
});

/** A subscriber over a {@link FakeClient} that acknowledges every command. */
class Bench {
  readonly client: FakeClient;
  readonly publisher = new FakePublisher();
  readonly log = new FakeLog();
  readonly subscriber: NodeSubscriber;
  changes = 0;
  redirects = 0;

  constructor(options: Partial<NodeSubscriberOptions> = {}, client = new FakeClient()) {
    this.client = client;
    client.onCommand = ({ resolve }) => resolve('');
    this.subscriber = new NodeSubscriber(
      client.redis,
      {
        transport: 'test',
        kind: 'channel',
        publisher: this.publisher,
        pingInterval: 100,
        pingTimeout: 100,
        probeInterval: 0,
        probePrefix: 'probe',
        log: this.log,
        ...options,
      },
      { onChange: () => this.changes++, onRedirect: () => this.redirects++ },
    );
  }

  async open(): Promise<void> {
    const opened = this.subscriber.open(1_000);
    await pass(0);
    this.client.becomeReady();
    await opened;
    await pass(0);
  }

  /** Subscribes, and keeps the outcome. */
  subscribe(key: SubscriptionKey, listener = new Listener()): { readonly value: unknown } {
    return outcomeOf(
      new Promise<void>((onSubscribed, onFailed) => {
        this.subscriber.subscribe(key, listener, { onSubscribed, onFailed });
      }),
    );
  }

  /** The commands since the last call, without those that check the connection. */
  takeCommands(): string[] {
    const commands = this.client.commands.filter((it) => it !== 'ping');
    this.client.sent.length = 0;
    return commands;
  }
}

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('NodeSubscriber', () => {
  it('subscribes, calls the waiter, and delivers to the listener', async () => {
    const bench = new Bench();
    await bench.open();
    const listener = new Listener();
    const outcome = bench.subscribe(A, listener);
    await pass(0);
    expect([bench.takeCommands(), outcome.value]).toEqual([['subscribe a'], 'resolved']);
    expect(bench.subscriber.isSubscribed(A)).toBe(true);
    bench.client.emit('messageBuffer', Buffer.from('a'), Buffer.from('hello'));
    expect(listener.received).toEqual(['hello']);
  });

  it.each([
    ['channel', ['subscribe a', 'psubscribe a.*']],
    ['shard', ['ssubscribe a']],
  ] as const)('of the kind "%s" sends %j', async (kind, expected) => {
    const bench = new Bench({ kind });
    await bench.open();
    const keys: SubscriptionKey[] =
      kind === 'shard' ? [SHARD] : [A, { kind: 'pattern', name: 'a.*' }];
    for (const key of keys) bench.subscriber.subscribe(key, new Listener());
    await pass(0);
    expect(bench.takeCommands()).toEqual(expected);
  });

  it('is ready with the connection, and restored with the subscriptions', async () => {
    const bench = new Bench();
    bench.client.onCommand = () => undefined;
    bench.subscriber.subscribe(A, new Listener());
    await bench.open();
    expect([bench.subscriber.isReady, bench.subscriber.isRestored]).toEqual([true, false]);
    bench.client.sent.find(({ name }) => name === 'subscribe')?.resolve();
    await pass(0);
    expect(bench.subscriber.isRestored).toBe(true);
  });

  it('logs what a listener throws, and goes on', async () => {
    const bench = new Bench();
    await bench.open();
    bench.subscriber.subscribe(
      A,
      new Listener(() => {
        throw new Error('a fault of the user');
      }),
    );
    await pass(0);
    bench.client.emit('messageBuffer', Buffer.from('a'), Buffer.from(''));
    expect(bench.log.lines).toEqual(['error: A listener of "a" threw: a fault of the user']);
  });

  it('fails a waiter at once after the connection has ended', async () => {
    const client = new FakeClient({ retryStrategy: () => null });
    const bench = new Bench({}, client);
    await bench.open();
    client.retries = client.options.retryStrategy?.(1) !== null;
    client.lose();
    const outcome = bench.subscribe(A);
    await pass(0);
    expect(outcome.value).toEqual(new ConnectionError('The connection to Redis has ended'));
    expect(bench.subscriber.isEmpty).toBe(true);
  });

  it('fails waiters when the connection ends', async () => {
    const client = new FakeClient({ retryStrategy: () => null });
    const bench = new Bench({}, client);
    await bench.open();
    bench.client.onCommand = () => undefined;
    const outcome = bench.subscribe(A);
    client.retries = client.options.retryStrategy?.(1) !== null;
    client.lose();
    await pass(0);
    expect(outcome.value).toBeInstanceOf(ConnectionError);
  });

  it('sends nothing after QUIT', async () => {
    const bench = new Bench({ probeInterval: 50 });
    await bench.open();
    const listener = new Listener();
    const other: SubscriptionKey = { kind: 'channel', name: 'b' };
    for (const key of [A, other]) bench.subscriber.subscribe(key, listener);
    await pass(0);
    bench.client.onCommand = () => undefined;
    const closed = bench.subscriber.close();
    bench.subscriber.unsubscribe(A, listener, false);
    bench.subscriber.unsubscribe(other, listener, true);
    bench.subscriber.subscribe({ kind: 'channel', name: 'c' }, listener);
    await pass(900);
    expect(bench.client.commands.at(-1)).toBe('quit');
    bench.client.sent.at(-1)?.resolve('OK');
    await closed;
  });

  it('fails waiters with a ClosedError when it is closed', async () => {
    const bench = new Bench();
    const outcome = bench.subscribe(A);
    await bench.subscriber.close();
    await pass(0);
    expect(outcome.value).toBeInstanceOf(ClosedError);
  });

  it('has no timer when it is closed, also for a subscription that lost its last listener', async () => {
    const bench = new Bench();
    await bench.open();
    bench.subscriber.subscribe(A, LISTENER);
    await pass(0);
    bench.subscriber.unsubscribe(A, LISTENER, true);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await bench.subscriber.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('discovers a server before it connects', async () => {
    const timeouts: number[] = [];
    const discover = async (timeoutMs: number): Promise<void> => void timeouts.push(timeoutMs);
    const bench = new Bench({ discovery: { minConnectMs: 10, discover } });
    await bench.open();
    expect(timeouts).toEqual([1_000]);
  });

  it('reports that Redis has ended the subscription of a shard channel', () => {
    const bench = new Bench({ kind: 'shard' });
    bench.client.condition = { subscriber: false } as never;
    bench.client.becomeConnected();
    bench.client.endShardChannel();
    expect(bench.redirects).toBe(1);
  });

  it('reports a redirect in an answer', async () => {
    const bench = new Bench({ kind: 'shard' });
    await bench.open();
    bench.client.onCommand = ({ reject }) => reject(replyError('MOVED 1 10.0.0.2:6379'));
    bench.subscriber.subscribe(SHARD, new Listener());
    await pass(0);
    expect(bench.redirects).toBe(1);
  });

  it('reads in the INFO of each connection the full output buffers and the patterns', async () => {
    const client = new FakeClient();
    const connector: FakeConnector = { connect: accept, disconnect: accept, check: accept };
    Object.assign(client, { connector });
    const bench = new Bench({}, client);
    connector.check(info(4));
    await bench.open();
    client.lose();
    connector.check(info(5));
    client.becomeReady();
    const warnings = bench.log.lines.filter((line) => line.startsWith('warn: '));
    expect(warnings).toEqual([
      expect.stringContaining('Redis holds 1001 different patterns'),
      expect.stringContaining('Lost the subscriber connection'),
      expect.stringContaining('The subscriber connection is back'),
      expect.stringContaining('Redis disconnected 1 clients'),
    ]);
  });
});

/** A subscriber with one acknowledged subscription. */
async function subscribed() {
  const bench = new Bench();
  await bench.open();
  const listener = new Listener();
  bench.subscriber.subscribe(A, listener);
  await pass(0);
  bench.takeCommands();
  return { bench, listener };
}

describe('NodeSubscriber#unsubscribe', () => {
  it('sends the command in this tick', async () => {
    const { bench, listener } = await subscribed();
    bench.subscriber.unsubscribe(A, listener, false);
    await pass(0);
    expect([bench.takeCommands(), bench.subscriber.isEmpty]).toEqual([['unsubscribe a'], true]);
  });

  it('sends it after a second when it is delayed', async () => {
    const { bench, listener } = await subscribed();
    bench.subscriber.unsubscribe(A, listener, true);
    await pass(999);
    expect(bench.takeCommands()).toEqual([]);
    await pass(1);
    expect(bench.takeCommands()).toEqual(['unsubscribe a']);
  });

  it('sends nothing when a listener is added during the delay', async () => {
    const { bench, listener } = await subscribed();
    bench.subscriber.unsubscribe(A, listener, true);
    await pass(500);
    bench.subscriber.subscribe(A, new Listener());
    await pass(10_000);
    expect(bench.takeCommands()).toEqual([]);
  });

  it('delays nothing while another listener stays', async () => {
    const { bench, listener } = await subscribed();
    bench.subscriber.subscribe(A, new Listener());
    bench.subscriber.unsubscribe(A, listener, true);
    await pass(10_000);
    expect(bench.takeCommands()).toEqual([]);
  });

  it('does nothing for a listener that is not known', async () => {
    const { bench } = await subscribed();
    bench.subscriber.unsubscribe({ kind: 'channel', name: 'b' }, new Listener(), false);
    await pass(10_000);
    expect(bench.takeCommands()).toEqual([]);
  });
});

describe('NodeSubscriber#lastConfirmed', () => {
  it('is the time at which the last answered PING was sent', async () => {
    const bench = new Bench();
    await bench.open();
    const ready = Date.now();
    await pass(350);
    expect(bench.subscriber.lastConfirmed).toEqual(new Date(ready + 300));
  });

  it('is earlier by the cluster bus delay', async () => {
    const bench = new Bench({ busDelayMs: 250 });
    await bench.open();
    expect(bench.subscriber.lastConfirmed).toEqual(new Date(Date.now() - 250));
  });

  it('is the earliest time that was set, until the next connection', async () => {
    const bench = new Bench();
    await bench.open();
    const ready = Date.now();
    bench.subscriber.setUnconfirmed(new Date(ready - 20));
    bench.subscriber.setUnconfirmed(new Date(ready - 30));
    bench.subscriber.setUnconfirmed(new Date(ready - 10));
    expect(bench.subscriber.lastConfirmed).toEqual(new Date(ready - 30));
    bench.client.lose();
    bench.client.becomeReady();
    expect(bench.subscriber.lastConfirmed).toEqual(new Date(ready));
  });

  it('is the start of the gap of a restart', async () => {
    const bench = new Bench();
    const gaps: { from: Date }[] = [];
    const onResubscribed = (gap: { from: Date }): void => void gaps.push(gap);
    await bench.open();
    bench.subscriber.subscribe(A, Object.assign(new Listener(), { onResubscribed }));
    await pass(0);
    gaps.length = 0;
    const since = new Date(Date.now() - 5_000);
    bench.subscriber.restart('its node has failed', since);
    expect(bench.client.status).toBe('reconnecting');
    bench.client.becomeReady();
    await pass(0);
    expect(gaps).toEqual([{ from: since, to: new Date() }]);
  });

  it('is no longer what was set after a resubscription over the same connection', async () => {
    const bench = new Bench({ kind: 'shard' });
    await bench.open();
    const gaps: { from: Date }[] = [];
    const onResubscribed = (gap: { from: Date }): void => void gaps.push(gap);
    for (const name of ['a', 'b']) {
      const listener = Object.assign(new Listener(), { onResubscribed });
      bench.subscriber.subscribe({ kind: 'shard', name }, listener);
    }
    await pass(0);
    bench.takeCommands();
    gaps.length = 0;
    const from = new Date(Date.now() - 5_000);
    bench.subscriber.setUnconfirmed(from);
    bench.subscriber.resubscribe(({ key }) => key.name === 'b', { from });
    await pass(0);
    expect(bench.takeCommands()).toEqual(['ssubscribe b']);
    expect(gaps).toEqual([{ from, to: new Date() }]);
    expect(bench.subscriber.lastConfirmed.getTime()).toBeGreaterThan(from.getTime());
  });
});

describe('NodeSubscriber#lastDeliveryAt', () => {
  it('is undefined before the first connection, also while attempts reach a socket', async () => {
    const bench = new Bench();
    const opened = outcomeOf(bench.subscriber.open(1_000));
    expect(bench.subscriber.lastDeliveryAt).toBeUndefined();
    bench.client.becomeConnected();
    await pass(500);
    expect(bench.subscriber.lastDeliveryAt).toBeUndefined();
    bench.client.lose();
    await pass(1_000);
    expect(opened.value).toBeInstanceOf(ConnectionError);
    expect(bench.subscriber.lastDeliveryAt).toBeUndefined();
  });

  it('moves on with each answer to a PING, and without a message', async () => {
    const bench = new Bench();
    await bench.open();
    const ready = Date.now();
    expect(bench.subscriber.lastDeliveryAt).toEqual(new Date(ready));
    await pass(350);
    expect(bench.subscriber.lastDeliveryAt).toEqual(new Date(ready + 300));
  });

  it('stays during an outage, also while attempts reach a socket', async () => {
    const bench = new Bench();
    await bench.open();
    const ready = Date.now();
    await pass(350);
    bench.client.lose();
    await pass(1_000);
    bench.client.becomeConnected();
    await pass(50);
    expect(bench.subscriber.lastDeliveryAt).toEqual(new Date(ready + 300));
    bench.client.becomeReady();
    expect(bench.subscriber.lastDeliveryAt).toEqual(new Date());
  });

  it('stays when no further attempt will be made', async () => {
    const bench = new Bench();
    await bench.open();
    const ready = new Date();
    bench.client.lose();
    await pass(1_000);
    bench.client.becomeConnected();
    bench.client.end();
    expect(bench.subscriber.lastDeliveryAt).toEqual(ready);
  });

  it('is the time of the last probe that arrived while the subscriber is starving', async () => {
    const bench = new Bench({ probeInterval: PROBE_INTERVAL });
    await bench.open();
    const ready = new Date();
    bench.subscribe(A);
    await pass(10 * PROBE_INTERVAL);
    expect(bench.subscriber.isStarving).toBe(true);
    expect(bench.subscriber.lastDeliveryAt).toEqual(ready);
    bench.client.becomeReady();
    await pass(500);
    expect(bench.subscriber.lastDeliveryAt).toEqual(ready);
  });
});

describe('NodeSubscriber#subscriptions', () => {
  it('counts each name with listeners once, during an outage, too', async () => {
    const bench = new Bench();
    await bench.open();
    expect(bench.subscriber.subscriptions).toBe(0);
    const listener = new Listener();
    bench.subscriber.subscribe(A, listener);
    bench.subscriber.subscribe(A, LISTENER);
    bench.subscriber.subscribe({ kind: 'pattern', name: 'a' }, LISTENER);
    expect(bench.subscriber.subscriptions).toBe(2);
    bench.client.lose();
    expect(bench.subscriber.subscriptions).toBe(2);
    bench.client.becomeReady();
    await pass(0);
    bench.subscriber.unsubscribe(A, listener, false);
    expect(bench.subscriber.subscriptions).toBe(2);
    bench.subscriber.unsubscribe(A, LISTENER, false);
    expect(bench.subscriber.subscriptions).toBe(1);
  });
});

/** A subscriber with one subscription. */
async function probed(options: Partial<NodeSubscriberOptions> = {}): Promise<Bench> {
  const bench = new Bench({ probeInterval: PROBE_INTERVAL, ...options });
  await bench.open();
  const kind = options.kind ?? 'channel';
  bench.subscriber.subscribe({ kind, name: 'a' }, new Listener());
  await pass(0);
  bench.takeCommands();
  return bench;
}

describe('NodeSubscriber, with a delivery probe', () => {
  const since: Date[] = [];
  const keep = (event: unknown): void => {
    expect(event).toHaveProperty('transport', 'test');
    since.push((event as { since: Date }).since);
  };
  beforeEach(() => {
    since.length = 0;
    telemetry.starve.subscribe(keep);
  });
  afterEach(() => telemetry.starve.unsubscribe(keep));

  it.each([
    ['channel', 'probe', 'subscribe probe'],
    ['shard', 'probe.shard', 'ssubscribe probe.shard'],
  ] as const)('of the kind "%s" probes %s', async (kind, channel, command) => {
    const bench = await probed({ kind });
    await pass(2 * PROBE_INTERVAL);
    expect(bench.takeCommands()).toEqual([command]);
    expect(bench.publisher.published).toEqual([`${kind} ${channel}`]);
    expect(bench.subscriber.probeChannel).toBe(channel);
  });

  it('replaces the connection when no probe arrives', async () => {
    const bench = await probed();
    const confirmed = new Date();
    await pass(4 * PROBE_INTERVAL);
    expect([bench.subscriber.isStarving, bench.client.status]).toEqual([true, 'reconnecting']);
    expect(bench.publisher.restarts).toEqual([]);
    expect(bench.log.lines[0]).toContain('although Redis accepts them); reconnecting');
    expect(since).toHaveLength(1);
    expect(since[0]?.getTime()).toBeLessThanOrEqual(confirmed.getTime());
  });

  it('keeps the connection while the answer to a PING after the probe waits, as behind a backlog', async () => {
    const bench = await probed({ pingInterval: 60_000 });
    bench.client.onCommand = ({ name, resolve }) => void (name === 'ping' || resolve(''));
    await pass(20 * PROBE_INTERVAL);
    expect([bench.subscriber.isStarving, bench.client.status]).toEqual([false, 'ready']);
    bench.client.sent
      .find(({ name }) => name === 'ping')
      ?.reject(replyError('NOPERM no permission'));
    await pass(2 * PROBE_INTERVAL);
    expect([bench.subscriber.isStarving, bench.client.status]).toEqual([true, 'reconnecting']);
  });

  it('probes at once after the replacement, and replaces the publisher when none arrives again', async () => {
    const bench = await probed();
    await pass(4 * PROBE_INTERVAL);
    bench.publisher.published.length = 0;
    bench.client.becomeReady();
    await pass(0);
    expect(bench.publisher.published).toEqual(['channel probe']);
    expect(bench.publisher.restarts).toEqual([]);
    await pass(4 * PROBE_INTERVAL);
    expect(bench.publisher.restarts).toEqual(['the subscriber does not receive what it publishes']);
  });

  it('recovers with the next probe, and with no other message', async () => {
    const bench = await probed();
    await pass(4 * PROBE_INTERVAL);
    bench.client.becomeReady();
    await pass(0);
    const { changes } = bench;
    bench.client.emit('messageBuffer', Buffer.from('a'), Buffer.from('x'));
    expect(bench.subscriber.isStarving).toBe(true);
    const payload = Buffer.from(bench.publisher.payloads.at(-1) ?? '');
    bench.client.emit('messageBuffer', Buffer.from('probe'), payload);
    expect(bench.subscriber.isStarving).toBe(false);
    expect(bench.changes).toBe(changes + 1);
  });

  it.each([
    ['without subscriptions', (bench: Bench) => bench.subscriber.unsubscribe(A, LISTENER, false)],
    ['while the publisher is not ready', (bench: Bench) => (bench.publisher.isReady = false)],
  ])('does not probe %s', async (_, prepare) => {
    const bench = new Bench({ probeInterval: PROBE_INTERVAL });
    await bench.open();
    bench.subscriber.subscribe(A, LISTENER);
    await pass(0);
    prepare(bench);
    await pass(10 * PROBE_INTERVAL);
    expect([bench.publisher.published, bench.subscriber.isStarving]).toEqual([[], false]);
  });

  it('moves its probe, and ends it', async () => {
    const bench = await probed({ kind: 'shard' });
    await pass(PROBE_INTERVAL);
    bench.takeCommands();
    bench.subscriber.moveProbe('probe.7');
    await pass(PROBE_INTERVAL);
    expect(bench.takeCommands()).toEqual(['sunsubscribe probe.shard', 'ssubscribe probe.7']);
    bench.subscriber.moveProbe(undefined);
    await pass(10 * PROBE_INTERVAL);
    expect(bench.takeCommands()).toEqual(['sunsubscribe probe.7']);
  });
});

describe('NodeSubscriber, in a Cluster', () => {
  it('hands subscriptions over to another node, with their gap', async () => {
    const [last, next] = [new Bench({ kind: 'shard' }), new Bench({ kind: 'shard' })];
    await Promise.all([last.open(), next.open()]);
    const gaps: unknown[] = [];
    const onResubscribed = (gap: unknown): void => void gaps.push(gap);
    last.subscriber.subscribe(SHARD, Object.assign(new Listener(), { onResubscribed }));
    await pass(0);
    gaps.length = 0;
    const from = new Date(Date.now() - 1_000);
    const moved = last.subscriber.removeMoved(() => true);
    for (const subscription of moved) next.subscriber.addMoved(subscription, { from });
    expect([last.subscriber.isEmpty, next.subscriber.isEmpty]).toEqual([true, false]);
    await pass(0);
    expect(next.takeCommands()).toEqual(['ssubscribe a']);
    expect(gaps).toEqual([{ from, to: new Date() }]);
  });
});
