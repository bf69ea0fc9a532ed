import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SubscriptionKind } from '../../../../src/channel/subscription-key.js';
import {
  Reconciler,
  type ReconcilerOptions,
} from '../../../../src/broker/subscribing/reconciler.js';
import { SubscriptionRegistry } from '../../../../src/broker/subscribing/subscription-registry.js';
import { telemetry } from '../../../../src/telemetry.js';
import {
  FakeClient,
  FakeLog,
  pass,
  replyError,
  useFakeClock,
  useRealClock,
  type SentCommand,
} from '../fake-client.js';
import { acknowledgement, Listener } from './registry-listener.js';

const REFUSAL = replyError("NOPERM User app has no permissions to access the 'bad' channel");

/** A reconciler over a {@link FakeClient} that acknowledges every command. */
class Bench {
  readonly client = new FakeClient();
  readonly registry = new SubscriptionRegistry();
  readonly log = new FakeLog();
  readonly reconciler: Reconciler;
  progress = 0;
  redirects = 0;

  constructor({
    sharded = false,
    ...options
  }: Partial<ReconcilerOptions> & { sharded?: boolean } = {}) {
    this.acknowledge();
    this.reconciler = new Reconciler(
      this.client.redis,
      this.registry,
      {
        transport: 'test',
        kinds: sharded ? ['shard'] : ['channel', 'pattern'],
        log: this.log,
        ...options,
      },
      {
        onProgress: () => this.progress++,
        ...(sharded && { onRedirect: () => this.redirects++ }),
      },
    );
  }

  acknowledge(): void {
    this.client.onCommand = ({ resolve }) => resolve();
  }

  /** Answers the commands that name one of these with an error. */
  refuse(error: Error, ...names: string[]): void {
    this.client.onCommand = ({ args, resolve, reject }) =>
      args.some((name) => names.includes(String(name))) ? reject(error) : resolve();
  }

  leaveUnanswered(): void {
    this.client.onCommand = () => undefined;
  }

  add(name: string, kind: SubscriptionKind = 'channel', listener = new Listener()) {
    const subscription = this.registry.add({ kind, name }, listener);
    this.reconciler.schedule();
    return { subscription, listener, remove: () => this.remove(name, kind, listener) };
  }

  remove(name: string, kind: SubscriptionKind, listener: Listener): void {
    const subscription = this.registry.removeListener({ kind, name }, listener);
    if (subscription) this.registry.recheck(subscription);
    this.reconciler.schedule();
  }

  /** The commands since the last call; those with many names by their counts. */
  takeCommands(): string[] {
    return this.client.sent
      .splice(0)
      .map(({ name, args }: SentCommand) =>
        args.length > 5 ? `${name} (${args.length})` : [name, ...args].join(' '),
      );
  }
}

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('Reconciler', () => {
  it('sends nothing before the connection is ready, and then all', async () => {
    const bench = new Bench();
    bench.add('a');
    bench.add('b.*', 'pattern');
    await pass(0);
    expect(bench.takeCommands()).toEqual([]);
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.takeCommands()).toEqual(['subscribe a', 'psubscribe b.*']);
    expect(bench.registry.isSubscribed({ kind: 'channel', name: 'a' })).toBe(true);
  });

  it('sends the changes of one tick in one command', async () => {
    const bench = new Bench();
    bench.reconciler.onReady();
    bench.add('a');
    bench.add('b');
    bench.add('c').remove();
    await pass(0);
    expect(bench.takeCommands()).toEqual(['subscribe a b']);
  });

  it('sends nothing when nothing has changed', async () => {
    const bench = new Bench();
    bench.reconciler.onReady();
    await pass(0);
    bench.add('a');
    await pass(0);
    bench.takeCommands();
    bench.add('a');
    bench.reconciler.schedule();
    await pass(0);
    expect(bench.takeCommands()).toEqual([]);
  });

  it('unsubscribes before it subscribes', async () => {
    const bench = new Bench();
    bench.reconciler.onReady();
    const a = bench.add('a');
    await pass(0);
    bench.takeCommands();
    bench.add('b');
    a.remove();
    await pass(0);
    expect(bench.takeCommands()).toEqual(['unsubscribe a', 'subscribe b']);
  });

  it('subscribes again to a channel that was added while it was unsubscribed', async () => {
    const bench = new Bench();
    bench.reconciler.onReady();
    const a = bench.add('a');
    await pass(0);
    bench.leaveUnanswered();
    a.remove();
    await pass(0);
    bench.add('a');
    await pass(0);
    expect(bench.takeCommands()).toEqual(['subscribe a', 'unsubscribe a', 'subscribe a']);
  });

  it('sends at most 512 names in a command', async () => {
    const bench = new Bench();
    for (let i = 0; i < 1_100; i++) bench.add(`c${i}`);
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.takeCommands()).toEqual(['subscribe (512)', 'subscribe (512)', 'subscribe (76)']);
  });

  it('stops at 2,048 names without an answer, and goes on with the next answer', async () => {
    const bench = new Bench();
    bench.leaveUnanswered();
    for (let i = 0; i < 5_000; i++) bench.add(`c${i}`);
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.client.sent).toHaveLength(4);
    await pass(60_000);
    expect(bench.client.sent).toHaveLength(4);
    bench.client.sent[0]?.resolve();
    await pass(0);
    expect(bench.client.sent).toHaveLength(5);
  });

  it('sends one command for each part that split returns', async () => {
    const bench = new Bench({ split: (batch) => batch.map((it) => [it]) });
    bench.add('a');
    bench.add('b');
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.takeCommands()).toEqual(['subscribe a', 'subscribe b']);
  });

  it('reports progress after an acknowledgement', async () => {
    const bench = new Bench();
    bench.leaveUnanswered();
    bench.reconciler.onReady();
    bench.add('a');
    await pass(0);
    const before = bench.progress;
    bench.client.sent[0]?.resolve();
    await pass(0);
    expect(bench.progress).toBeGreaterThan(before);
  });
});

describe('Reconciler, when Redis refuses', () => {
  it('sends the names of a refused batch one by one', async () => {
    const bench = new Bench();
    bench.refuse(REFUSAL, 'bad');
    for (const name of ['a', 'bad', 'b']) bench.add(name);
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.takeCommands()).toEqual([
      'subscribe a bad b',
      'subscribe a',
      'subscribe bad',
      'subscribe b',
    ]);
    const states = ['a', 'bad', 'b'].map((name) =>
      bench.registry.isSubscribed({ kind: 'channel', name }),
    );
    expect(states).toEqual([true, false, true]);
    expect(bench.log.lines).toEqual([
      `error: Redis refused to subscribe to "bad"; retrying: ${REFUSAL.message}`,
    ]);
  });

  it('fails the waiter of a refused subscription, which is then gone', async () => {
    const bench = new Bench();
    bench.refuse(REFUSAL, 'bad');
    const { subscription, listener } = bench.add('bad');
    const outcome = acknowledgement(subscription, listener).catch((error: unknown) => error);
    bench.reconciler.onReady();
    await pass(0);
    expect(await outcome).toMatchObject({
      code: 'ERR_PUBSUB_SUBSCRIBE',
      message: `Redis refused to subscribe to "bad": ${REFUSAL.message}`,
    });
    expect([bench.registry.isEmpty, bench.log.lines]).toEqual([true, []]);
    await pass(60_000);
    expect(bench.takeCommands()).toEqual(['subscribe bad']);
  });

  it('retries a refused subscription after 1 s, and doubles the delay up to 30 s', async () => {
    const bench = new Bench();
    bench.refuse(REFUSAL, 'bad');
    bench.add('bad');
    bench.reconciler.onReady();
    await pass(0);
    bench.takeCommands();
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      let seconds = 0;
      do {
        await pass(1_000);
        seconds++;
      } while (bench.takeCommands().length === 0);
      waits.push(seconds);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(bench.log.lines).toHaveLength(1);
  });

  it('retries no sooner than after 1 s', async () => {
    const bench = new Bench();
    bench.refuse(REFUSAL, 'bad');
    bench.add('bad');
    bench.reconciler.onReady();
    await pass(999);
    expect(bench.takeCommands()).toEqual(['subscribe bad']);
    bench.acknowledge();
    await pass(1);
    expect(bench.registry.isSubscribed({ kind: 'channel', name: 'bad' })).toBe(true);
  });

  it('starts with 1 s again on the next connection', async () => {
    const bench = new Bench();
    bench.refuse(REFUSAL, 'bad');
    bench.add('bad');
    bench.reconciler.onReady();
    await pass(3_500);
    bench.reconciler.onLost(new Date());
    bench.takeCommands();
    bench.reconciler.onReady();
    await pass(999);
    expect(bench.takeCommands()).toEqual(['subscribe bad']);
    await pass(1);
    expect(bench.takeCommands()).toEqual(['subscribe bad']);
  });

  it('does not retry a refused subscription without listeners', async () => {
    const bench = new Bench();
    bench.refuse(REFUSAL, 'bad');
    const bad = bench.add('bad');
    bench.reconciler.onReady();
    await pass(0);
    bench.takeCommands();
    bad.remove();
    await pass(60_000);
    expect(bench.takeCommands()).toEqual([]);
  });

  it('logs a refusal again after it was acknowledged', async () => {
    const bench = new Bench();
    bench.refuse(REFUSAL, 'bad');
    bench.add('bad');
    bench.reconciler.onReady();
    await pass(0);
    bench.acknowledge();
    await pass(1_000);
    bench.refuse(REFUSAL, 'bad');
    bench.reconciler.onLost(new Date());
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.log.lines).toHaveLength(2);
  });

  it('logs at most ten refusals a second, and the number of the others', async () => {
    const bench = new Bench();
    const names = Array.from({ length: 25 }, (_, i) => `bad${i}`);
    bench.refuse(REFUSAL, ...names);
    for (const name of names) bench.add(name);
    bench.reconciler.onReady();
    await pass(900);
    expect(bench.log.lines).toHaveLength(10);
    await pass(100);
    expect(bench.log.lines.at(-1)).toBe('error: Redis refused 15 more subscriptions; retrying');
  });

  it('logs a refused unsubscribe once', async () => {
    const bench = new Bench();
    bench.reconciler.onReady();
    const [a, b] = [bench.add('a'), bench.add('b')];
    await pass(0);
    bench.refuse(REFUSAL, 'a', 'b');
    a.remove();
    await pass(0);
    b.remove();
    await pass(0);
    expect(bench.log.lines).toEqual([
      `error: Redis refused to unsubscribe (${REFUSAL.message}); messages without a listener still arrive, and are dropped. Allow the UNSUBSCRIBE commands`,
    ]);
  });

  it('logs nothing when the connection is lost before an unsubscribe is answered', async () => {
    const bench = new Bench();
    bench.reconciler.onReady();
    const a = bench.add('a');
    await pass(0);
    bench.refuse(new Error('Connection is closed.'), 'a');
    a.remove();
    await pass(0);
    expect(bench.log.lines).toEqual([]);
  });

  it('sends a command again on the next connection when ioredis rejects it', async () => {
    const bench = new Bench();
    bench.refuse(new Error('Connection is closed.'), 'a');
    bench.add('a');
    bench.add('b');
    bench.reconciler.onReady();
    await pass(60_000);
    expect(bench.takeCommands()).toEqual(['subscribe a b']);
    expect(bench.log.lines).toEqual([]);
    bench.acknowledge();
    bench.reconciler.onLost(new Date());
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.takeCommands()).toEqual(['subscribe a b']);
  });
});

describe('Reconciler, after a lost connection', () => {
  it('subscribes again to every channel, and ends the gap at the acknowledgement', async () => {
    const bench = new Bench();
    bench.reconciler.onReady();
    const gaps: unknown[] = [];
    const listener = Object.assign(new Listener(), {
      onResubscribed: (gap: unknown) => gaps.push(gap),
    });
    bench.add('a', 'channel', listener);
    await pass(0);
    const lastConfirmed = new Date();
    await pass(500);
    bench.reconciler.onLost(lastConfirmed);
    bench.takeCommands();
    await pass(250);
    expect([bench.takeCommands(), bench.registry.isRestored]).toEqual([[], false]);
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.takeCommands()).toEqual(['subscribe a']);
    expect(gaps).toEqual([{ from: lastConfirmed, to: new Date() }]);
    expect(bench.registry.isRestored).toBe(true);
  });

  it('ignores an acknowledgement of an earlier connection', async () => {
    const bench = new Bench();
    bench.leaveUnanswered();
    bench.add('a');
    bench.reconciler.onReady();
    await pass(0);
    bench.reconciler.onLost(new Date());
    bench.reconciler.onReady();
    await pass(0);
    bench.client.sent[0]?.resolve();
    await pass(0);
    expect(bench.registry.isSubscribed({ kind: 'channel', name: 'a' })).toBe(false);
    bench.client.sent[1]?.resolve();
    await pass(0);
    expect(bench.registry.isSubscribed({ kind: 'channel', name: 'a' })).toBe(true);
  });

  it('ignores a refusal of an earlier connection', async () => {
    const bench = new Bench();
    bench.leaveUnanswered();
    bench.add('a');
    bench.reconciler.onReady();
    await pass(0);
    bench.reconciler.onLost(new Date());
    bench.reconciler.onReady();
    await pass(0);
    bench.client.sent[0]?.reject(REFUSAL);
    await pass(60_000);
    expect([bench.client.sent.length, bench.log.lines]).toEqual([2, []]);
  });

  it('sends no refused subscription again while it is lost', async () => {
    const bench = new Bench();
    bench.refuse(REFUSAL, 'bad');
    bench.add('bad');
    bench.reconciler.onReady();
    await pass(0);
    bench.reconciler.onLost(new Date());
    bench.takeCommands();
    await pass(60_000);
    expect(bench.takeCommands()).toEqual([]);
  });

  it('does not wait for answers of the lost connection', async () => {
    const bench = new Bench();
    bench.leaveUnanswered();
    for (let i = 0; i < 3_000; i++) bench.add(`c${i}`);
    bench.reconciler.onReady();
    await pass(0);
    bench.takeCommands();
    bench.reconciler.onLost(new Date());
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.client.sent).toHaveLength(4);
  });
});

describe('Reconciler, in a Cluster', () => {
  it.each(['MOVED 1 10.0.0.2:6379', 'ASK 1 10.0.0.2:6379'])(
    'reports "%s", and tries again after 250 ms',
    async (reply) => {
      const bench = new Bench({ sharded: true });
      bench.refuse(replyError(reply), 'a', 'b');
      bench.add('a', 'shard');
      bench.add('b', 'shard');
      bench.reconciler.onReady();
      await pass(0);
      expect([bench.takeCommands(), bench.redirects, bench.log.lines]).toEqual([
        ['ssubscribe a b'],
        1,
        [],
      ]);
      await pass(249);
      expect(bench.takeCommands()).toEqual([]);
      bench.acknowledge();
      await pass(1);
      expect(bench.takeCommands()).toEqual(['ssubscribe a b']);
      expect(bench.registry.isSubscribed({ kind: 'shard', name: 'a' })).toBe(true);
    },
  );

  it.each([
    'TRYAGAIN Multiple keys request during rehashing of slot',
    'CLUSTERDOWN Hash slot not served',
    'MASTERDOWN Link with MASTER is down',
  ])('defers "%s" without a refusal, also at a single node', async (reply) => {
    const bench = new Bench();
    bench.refuse(replyError(reply), 'a');
    const { subscription, listener } = bench.add('a');
    let outcome = 'pending';
    acknowledgement(subscription, listener).then(
      () => (outcome = 'acknowledged'),
      () => (outcome = 'refused'),
    );
    bench.reconciler.onReady();
    await pass(0);
    expect([outcome, bench.log.lines]).toEqual(['pending', []]);
    bench.acknowledge();
    await pass(250);
    expect(outcome).toBe('acknowledged');
  });

  it('refuses a MOVED at a single node, and explains it', async () => {
    const bench = new Bench();
    bench.refuse(replyError('MOVED 1 10.0.0.2:6379'), 'a');
    bench.add('a');
    bench.reconciler.onReady();
    await pass(0);
    expect(bench.log.lines).toEqual([
      expect.stringContaining('connect with `{ nodes }`, not to a single node'),
    ]);
  });

  it('does not retry a subscription that has moved to another node', async () => {
    const bench = new Bench({ sharded: true });
    bench.refuse(replyError('MOVED 1 10.0.0.2:6379'), 'a');
    bench.add('a', 'shard');
    bench.reconciler.onReady();
    await pass(0);
    bench.takeCommands();
    bench.registry.removeMoved('shard', () => true);
    await pass(60_000);
    expect(bench.takeCommands()).toEqual([]);
  });

  it('does not try again after the connection is lost', async () => {
    const bench = new Bench({ sharded: true });
    bench.refuse(replyError('MOVED 1 10.0.0.2:6379'), 'a');
    bench.add('a', 'shard');
    bench.reconciler.onReady();
    await pass(0);
    bench.reconciler.onLost(new Date());
    bench.takeCommands();
    await pass(60_000);
    expect(bench.takeCommands()).toEqual([]);
  });
});

describe('Reconciler, its telemetry', () => {
  const events: unknown[] = [];
  const keep = (event: unknown, channel: string | symbol): void =>
    void events.push([String(channel).split(':')[1], event]);
  beforeEach(() => {
    events.length = 0;
    telemetry.subscribe.subscribe(keep);
    telemetry.unsubscribe.subscribe(keep);
  });
  afterEach(() => {
    telemetry.subscribe.unsubscribe(keep);
    telemetry.unsubscribe.unsubscribe(keep);
  });

  it('has each acknowledgement, refusal and unsubscribe', async () => {
    const bench = new Bench();
    bench.refuse(REFUSAL, 'bad');
    const a = bench.add('a');
    bench.reconciler.onReady();
    await pass(0);
    bench.add('bad');
    await pass(0);
    a.remove();
    await pass(0);
    expect(events).toEqual([
      ['subscribe', { transport: 'test', kind: 'channel', name: 'a' }],
      ['subscribe', { transport: 'test', kind: 'channel', name: 'bad', error: expect.any(Error) }],
      ['unsubscribe', { transport: 'test', kind: 'channel', name: 'a' }],
    ]);
  });

  it('has the gap of a subscription that was lost', async () => {
    const bench = new Bench();
    bench.add('a');
    bench.reconciler.onReady();
    await pass(0);
    const from = new Date();
    bench.reconciler.onLost(from);
    await pass(70);
    bench.reconciler.onReady();
    await pass(0);
    expect(events.at(-1)).toEqual([
      'subscribe',
      { transport: 'test', kind: 'channel', name: 'a', gap: { from, to: new Date() } },
    ]);
  });
});
