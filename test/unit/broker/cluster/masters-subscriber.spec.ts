import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SubscriptionKey } from '../../../../src/channel/subscription-key.js';
import { MastersSubscriber } from '../../../../src/broker/cluster/masters-subscriber.js';
import { NodeSubscriber } from '../../../../src/broker/subscribing/node-subscriber.js';
import { ClosedError, CommandRefusedError } from '../../../../src/errors.js';
import {
  FakeClient,
  FakeLog,
  outcomeOf,
  pass,
  replyError,
  useFakeClock,
  useRealClock,
  type SentCommand,
} from '../fake-client.js';
import { Listener } from '../subscribing/registry-listener.js';
import { FakeTopology } from './fake-topology.js';

const KEY: SubscriptionKey = { kind: 'channel', name: 'expired', atMasters: true };
const A = '10.0.0.1:7001';
const B = '10.0.0.2:7002';
const C = '10.0.0.3:7003';
const LOW = [0, 8_000] as const;
const HIGH = [8_001, 16_383] as const;

/** A listener that keeps its gaps, and how often it was refused. */
class GapListener extends Listener {
  readonly gaps: { from: Date; to: Date }[] = [];
  refusals = 0;

  onResubscribed(gap: { from: Date; to: Date }): void {
    this.gaps.push(gap);
  }

  onRefused(): void {
    this.refusals++;
  }
}

/** A subscriber whose nodes are clients that acknowledge every command, unless `answer` does otherwise. */
class Bench {
  readonly fake = new FakeTopology();
  readonly clients = new Map<string, FakeClient>();
  readonly subscriber: MastersSubscriber;
  readonly log = new FakeLog();
  changes = 0;
  answer = (_address: string, { resolve }: SentCommand): void => resolve('');

  constructor() {
    this.subscriber = new MastersSubscriber(
      {
        topology: this.fake.topology,
        createSubscriber: (address, observer) => {
          const client = new FakeClient();
          client.onCommand = (command) => command.name !== 'ping' && this.answer(address, command);
          this.clients.set(address, client);
          return new NodeSubscriber(
            client.redis,
            {
              transport: 'redis-pubsub',
              kind: 'channel',
              pingInterval: 1_000_000,
              pingTimeout: 1_000_000,
              probeInterval: 0,
              probePrefix: 'probe',
              publisher: {
                isReady: true,
                publish: () => Promise.resolve(0),
                restart: () => undefined,
              },
              log: this.log,
            },
            observer,
          );
        },
      },
      () => this.changes++,
    );
  }

  at(address: string): FakeClient {
    const client = this.clients.get(address);
    if (!client) throw new Error(`Expected a client at ${address}`);
    return client;
  }

  commandsAt(address: string): string[] {
    return this.at(address).commands.filter((it) => /^p?(un)?subscribe/.test(it));
  }

  change(...change: Parameters<FakeTopology['change']>): void {
    this.fake.change(...change);
    this.subscriber.onMoved();
  }

  /** Opens it with A and B as the masters. */
  async open(): Promise<void> {
    this.fake.change({ [A]: [LOW], [B]: [HIGH] });
    const opened = this.subscriber.open(1_000);
    await pass(0);
    for (const address of [A, B]) this.at(address).becomeReady();
    await opened;
    await pass(0);
  }

  subscribe(listener: Listener = new GapListener()): { readonly value: unknown } {
    return outcomeOf(
      new Promise<void>((onSubscribed, onFailed) =>
        this.subscriber.subscribe(KEY, listener, { onSubscribed, onFailed }),
      ),
    );
  }
}

beforeEach(useFakeClock);
afterEach(useRealClock);

describe('MastersSubscriber', () => {
  it('subscribes at every master, and calls the waiter when all have acknowledged', async () => {
    const bench = new Bench();
    await bench.open();
    const held: SentCommand[] = [];
    bench.answer = (address, command) => {
      if (address === B) held.push(command);
      else command.resolve('');
    };
    const outcome = bench.subscribe();
    await pass(0);
    expect([bench.commandsAt(A), bench.commandsAt(B)]).toEqual([
      ['subscribe expired'],
      ['subscribe expired'],
    ]);
    expect([outcome.value, bench.subscriber.isSubscribed(KEY)]).toEqual([undefined, false]);
    held[0]?.resolve('');
    await pass(0);
    expect([outcome.value, bench.subscriber.isSubscribed(KEY)]).toEqual(['resolved', true]);
  });

  it('waits for the topology with what was subscribed before it', async () => {
    const bench = new Bench();
    const outcome = bench.subscribe();
    await pass(0);
    expect([outcome.value, bench.subscriber.isReady]).toEqual([undefined, false]);
    await bench.open();
    expect([outcome.value, bench.subscriber.isReady]).toEqual(['resolved', true]);
  });

  it('calls the waiter of a second listener at once, and sends no further command', async () => {
    const bench = new Bench();
    await bench.open();
    bench.subscribe();
    await pass(0);
    const second = bench.subscribe();
    await pass(0);
    expect([second.value, bench.commandsAt(A)]).toEqual(['resolved', ['subscribe expired']]);
  });

  it('fails the waiter when one master refuses, and unsubscribes at the others', async () => {
    const bench = new Bench();
    await bench.open();
    bench.answer = (address, { name, resolve, reject }) =>
      address === B && name === 'subscribe' ? reject(replyError('NOPERM')) : resolve('');
    const outcome = bench.subscribe();
    await pass(0);
    expect(outcome.value).toBeInstanceOf(CommandRefusedError);
    expect(bench.commandsAt(A)).toEqual(['subscribe expired', 'unsubscribe expired']);
    expect(bench.subscriber.isEmpty).toBe(true);
    bench.answer = (_, { resolve }) => resolve('');
    const again = bench.subscribe();
    await pass(0);
    expect(again.value).toBe('resolved');
  });

  it('tries again what is refused and has no waiter', async () => {
    const bench = new Bench();
    await bench.open();
    bench.answer = (_, { reject }) => reject(replyError('NOPERM'));
    const listener = new GapListener();
    bench.subscriber.subscribe(KEY, listener);
    await pass(0);
    expect(bench.subscriber.isRestored).toBe(false);
    bench.answer = (_, { resolve }) => resolve('');
    await pass(1_000);
    expect(bench.subscriber.isRestored).toBe(true);
    expect([listener.gaps.length, listener.refusals]).toEqual([2, 2]);
    expect(bench.log.lines.join('\n')).toContain('refused to subscribe to "expired"');
  });

  it('delivers the messages of every master to every listener', async () => {
    const bench = new Bench();
    await bench.open();
    const [one, other] = [new Listener(), new Listener()];
    bench.subscribe(one);
    bench.subscribe(other);
    await pass(0);
    for (const address of [A, B]) {
      bench.at(address).emit('messageBuffer', Buffer.from('expired'), Buffer.from(address));
    }
    expect([one.received, other.received]).toEqual([
      [A, B],
      [A, B],
    ]);
    expect(bench.subscriber.listenersOf('expired', 'channel')).toEqual([one, other]);
  });

  it('tells each lost connection as a gap', async () => {
    const bench = new Bench();
    await bench.open();
    const listener = new GapListener();
    bench.subscribe(listener);
    await pass(0);
    bench.at(A).lose();
    await pass(0);
    expect([bench.subscriber.isReady, bench.subscriber.isSubscribed(KEY)]).toEqual([false, false]);
    const late = bench.subscribe();
    await pass(0);
    expect(late.value).toBeUndefined();
    bench.at(A).becomeReady();
    await pass(0);
    expect([late.value, listener.gaps.length]).toEqual(['resolved', 1]);
    expect(bench.subscriber.isRestored).toBe(true);
  });

  it('subscribes at a new master, and tells a gap since the topology was confirmed', async () => {
    const bench = new Bench();
    await bench.open();
    const listener = new GapListener();
    bench.subscribe(listener);
    await pass(0);
    const confirmed = new Date(Date.now() - 700);
    bench.fake.lastConfirmed = confirmed;
    bench.change({ [A]: [LOW], [B]: [[8_001, 9_000]], [C]: [[9_001, 16_383]] });
    await pass(0);
    expect(bench.subscriber.isReady).toBe(false);
    bench.at(C).becomeReady();
    await pass(0);
    expect(bench.commandsAt(C)).toEqual(['subscribe expired']);
    expect(listener.gaps.map(({ from }) => from)).toEqual([confirmed]);
    expect(bench.subscriber.isSubscribed(KEY)).toBe(true);
  });

  it('keeps a failed master until its slots have a new owner, and tells a gap since its last answer', async () => {
    const bench = new Bench();
    await bench.open();
    const listener = new GapListener();
    bench.subscribe(listener);
    await pass(0);
    const lost = Date.now();
    bench.at(B).lose();
    await pass(5_000);
    bench.fake.lastConfirmed = new Date();
    bench.change({ [A]: [LOW] });
    await pass(0);
    expect([bench.at(B).disconnects, bench.subscriber.isReady]).toEqual([0, false]);
    bench.change({ [A]: [LOW], [C]: [HIGH] });
    await pass(0);
    expect(bench.at(B).disconnects).toBeGreaterThan(0);
    bench.at(C).becomeReady();
    await pass(0);
    expect(listener.gaps).toHaveLength(1);
    expect(listener.gaps[0]?.from.getTime()).toBeLessThanOrEqual(lost);
    expect([bench.subscriber.isReady, bench.subscriber.isRestored]).toEqual([true, true]);
  });

  it('tells a gap since the first loss of a master that came back in vain before it was replaced', async () => {
    const bench = new Bench();
    await bench.open();
    const listener = new GapListener();
    bench.subscribe(listener);
    await pass(0);
    const lost = Date.now();
    bench.answer = (address, { resolve }) => address !== B && resolve('');
    bench.at(B).lose();
    await pass(1_000);
    bench.at(B).becomeReady();
    await pass(1_000);
    bench.at(B).lose();
    await pass(1_000);
    bench.fake.lastConfirmed = new Date();
    bench.change({ [A]: [LOW], [C]: [HIGH] });
    await pass(0);
    bench.at(C).becomeReady();
    await pass(0);
    expect(listener.gaps).toHaveLength(1);
    expect(listener.gaps[0]?.from.getTime()).toBeLessThanOrEqual(lost);
  });

  it('refreshes the topology more often while a master is lost', async () => {
    const bench = new Bench();
    await bench.open();
    bench.subscribe();
    await pass(0);
    bench.at(B).lose();
    await pass(600);
    expect(bench.fake.asked.filter((it) => it === 'refresh').length).toBeGreaterThanOrEqual(2);
  });

  it('calls the waiter when the master that has not answered is one no more', async () => {
    const bench = new Bench();
    await bench.open();
    bench.answer = (address, { resolve }) => address === A && resolve('');
    const outcome = bench.subscribe();
    await pass(0);
    expect(outcome.value).toBeUndefined();
    bench.change({ [A]: [LOW, HIGH] });
    await pass(0);
    expect(outcome.value).toBe('resolved');
  });

  it('unsubscribes everywhere with the last listener', async () => {
    const bench = new Bench();
    await bench.open();
    const [one, other] = [new Listener(), new Listener()];
    bench.subscribe(one);
    bench.subscribe(other);
    await pass(0);
    bench.subscriber.unsubscribe(KEY, one, false);
    await pass(0);
    expect(bench.commandsAt(B)).toEqual(['subscribe expired']);
    bench.subscriber.unsubscribe(KEY, other, false);
    bench.subscriber.unsubscribe(KEY, other, false);
    await pass(0);
    for (const address of [A, B]) {
      expect(bench.commandsAt(address)).toEqual(['subscribe expired', 'unsubscribe expired']);
    }
    expect(bench.subscriber.isEmpty).toBe(true);
  });

  it('calls whenRead when every node has read', async () => {
    const bench = new Bench();
    let reads = 0;
    bench.subscriber.whenRead(() => reads++);
    await pass(0);
    expect(reads).toBe(1);
    await bench.open();
    bench.subscriber.whenRead(() => reads++);
    await pass(0);
    expect(reads).toBe(2);
  });

  it('fails those who wait when it is closed, and subscribes again when it is reopened', async () => {
    const bench = new Bench();
    await bench.open();
    const kept = new GapListener();
    bench.subscribe(kept);
    await pass(0);
    const other: SubscriptionKey = { kind: 'pattern', name: 'a*', atMasters: true };
    bench.answer = (_, { name, resolve }) => name === 'quit' && resolve('');
    const waiting = outcomeOf(
      new Promise<void>((onSubscribed, onFailed) =>
        bench.subscriber.subscribe(other, new Listener(), { onSubscribed, onFailed }),
      ),
    );
    await pass(0);
    const closed = outcomeOf(bench.subscriber.close());
    await pass(1_000);
    expect(closed.value).toBe('resolved');
    expect(waiting.value).toBeInstanceOf(ClosedError);
    bench.answer = (_, { resolve }) => resolve('');
    for (const client of bench.clients.values()) client.retries = true;
    const reopened = bench.subscriber.open(1_000);
    await pass(0);
    for (const address of [A, B]) bench.at(address).becomeReady();
    await reopened;
    await pass(0);
    expect(bench.subscriber.isSubscribed(KEY)).toBe(true);
  });
});
