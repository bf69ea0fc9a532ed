import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SubscriptionWaiter } from '../../../../src/broker/broker.js';
import { DeliveryProbe } from '../../../../src/broker/subscribing/delivery-probe.js';
import { advance, pass, useFakeClock, useRealClock } from '../fake-client.js';
import { payloadOf } from '../../../support/payload.js';

const INTERVAL = 100;

/** A probe of a broker that acknowledges subscriptions and accepts probes, unless a test changes that. */
class Bench {
  readonly events: string[] = [];
  readonly waiters: SubscriptionWaiter[] = [];
  /** The payloads of the published probes. */
  readonly published: string[] = [];
  /** What waits until all that has arrived is read. */
  reads: (() => void)[] = [];
  /** Whether messages that have arrived wait to be read. */
  isBusy = false;
  readonly probe: DeliveryProbe;
  isSubscribed = true;
  acknowledges = true;
  accepts = true;
  /** Whether a published probe arrives. */
  delivers = true;
  /** Whether the subscriber gets answers to its PINGs. */
  answers = true;
  /** What waits for an answer to a PING. */
  pings: (() => void)[] = [];

  constructor(interval = INTERVAL) {
    this.probe = new DeliveryProbe(
      { channel: 'probe', intervalMs: interval, log: { warn: () => undefined } },
      {
        isSubscribed: () => this.isSubscribed,
        publish: (channel, payload) => this.#publish(channel, payload),
        whenRead: (onRead) => void (this.isBusy ? this.reads.push(onRead) : setImmediate(onRead)),
        ping: (onAnswer) => void (this.answers ? onAnswer() : this.pings.push(onAnswer)),
        subscribe: (channel, _, waiter) => {
          this.events.push(`subscribe ${channel}`);
          this.waiters.push(waiter);
          if (this.acknowledges) waiter.onSubscribed();
        },
        unsubscribe: (channel) => this.events.push(`unsubscribe ${channel}`),
        onStarving: (isRepeated) => this.events.push(isRepeated ? 'starving again' : 'starving'),
        onRecovered: () => this.events.push('recovered'),
      },
    );
  }

  /** A published probe arrives: the last one, or an earlier one. */
  deliver(payload = this.published.at(-1) ?? ''): void {
    this.probe.onDelivery({ payload: payloadOf(payload) });
  }

  async #publish(channel: string, payload: string): Promise<number> {
    this.events.push(`publish ${channel}`);
    this.published.push(payload);
    if (!this.accepts) throw new Error('not connected');
    if (this.delivers) this.deliver();
    return 1;
  }

  /** What happens in each of the next intervals. */
  async intervals(count: number): Promise<string[]> {
    const found: string[] = [];
    for (let i = 0; i < count; i++) {
      this.events.length = 0;
      await pass(INTERVAL);
      found.push(this.events.join(', '));
    }
    return found;
  }
}

describe('DeliveryProbe', () => {
  let bench: Bench;
  beforeEach(() => {
    useFakeClock();
    bench = new Bench();
    bench.probe.start();
  });
  afterEach(() => {
    bench.probe.stop();
    useRealClock();
  });

  it('subscribes and publishes a probe after an interval', async () => {
    await pass(INTERVAL - 1);
    expect(bench.events).toEqual([]);
    await pass(1);
    expect(bench.events).toEqual(['subscribe probe', 'publish probe']);
  });

  it('publishes one in every interval while they arrive, each with another payload', async () => {
    expect(await bench.intervals(3)).toEqual([
      'subscribe probe, publish probe',
      'publish probe',
      'publish probe',
    ]);
    expect(bench.probe.isStarving).toBe(false);
    expect(new Set(bench.published).size).toBe(3);
  });

  it('judges an interval when everything that has arrived is read', async () => {
    bench.delivers = false;
    await bench.intervals(2);
    bench.isBusy = true;
    expect(await bench.intervals(5)).toEqual(['', '', '', '', '']);
    // The probe stood behind other messages.
    bench.deliver();
    bench.isBusy = false;
    for (const onRead of bench.reads.splice(0)) onRead();
    expect([bench.events, bench.probe.isStarving]).toEqual([['publish probe'], false]);
  });

  it('counts no interval before the subscriber has the answer to a PING that followed the probe', async () => {
    bench.delivers = false;
    bench.answers = false;
    const found = await bench.intervals(20);
    expect(found.slice(1)).toEqual(Array.from({ length: 19 }, () => 'publish probe'));
    // The first probe stood behind other messages, and so did the PING.
    bench.deliver(bench.published[0]);
    bench.pings[0]?.();
    expect(await bench.intervals(5)).toEqual(Array.from({ length: 5 }, () => 'publish probe'));
    bench.pings[1]?.();
    expect(await bench.intervals(2)).toEqual(['publish probe', 'starving']);
  });

  it('sends one PING for each probe that Redis accepts and that has not arrived', async () => {
    bench.answers = false;
    await bench.intervals(3);
    expect(bench.pings).toHaveLength(0);
    bench.delivers = false;
    await bench.intervals(3);
    expect(bench.pings).toHaveLength(3);
    bench.accepts = false;
    await bench.intervals(3);
    expect(bench.pings).toHaveLength(3);
  });

  it('takes an earlier probe that arrives late for a proof, too', async () => {
    bench.delivers = false;
    await bench.intervals(2);
    for (let i = 0; i < 10; i++) {
      bench.deliver(bench.published.at(-2));
      expect(await bench.intervals(1)).toEqual(['publish probe']);
    }
  });

  it.each([
    ['a text of another process', 'hello'],
    ['nothing', ''],
    ['a number that it has not published', '99'],
  ])('takes %s on its channel for no probe', async (_, payload) => {
    bench.delivers = false;
    await bench.intervals(2);
    bench.deliver(payload);
    expect(await bench.intervals(1)).toEqual(['starving']);
  });

  it('takes a probe that has arrived before for no proof', async () => {
    await bench.intervals(1);
    bench.delivers = false;
    const [arrived] = bench.published;
    await bench.intervals(2);
    bench.deliver(arrived);
    expect(await bench.intervals(1)).toEqual(['starving']);
  });

  it('never publishes while subscriptions are not in place', async () => {
    bench.isSubscribed = false;
    expect(await bench.intervals(3)).toEqual(['', '', '']);
  });

  it('is starving after a further whole interval without the probe', async () => {
    bench.delivers = false;
    expect(await bench.intervals(3)).toEqual([
      'subscribe probe, publish probe',
      'publish probe',
      'starving',
    ]);
    expect(bench.probe.isStarving).toBe(true);
  });

  it('waits for twice as many intervals each time, and for eight at most', async () => {
    bench.delivers = false;
    const found = await bench.intervals(50);
    const at = found.flatMap((event, i) => (event.startsWith('starving') ? [i + 1] : []));
    expect(at).toEqual([3, 7, 13, 23, 33, 43]);
    expect(found.filter((event) => event === 'starving')).toHaveLength(1);
    expect(found.filter((event) => event === 'starving again')).toHaveLength(5);
  });

  it('recovers with the first probe, and waits for one interval again', async () => {
    bench.delivers = false;
    await bench.intervals(8);
    bench.events.length = 0;
    bench.deliver();
    expect([bench.events, bench.probe.isStarving]).toEqual([['recovered'], false]);
    expect(await bench.intervals(3)).toEqual(['publish probe', 'publish probe', 'starving']);
  });

  it('reports a recovery once', async () => {
    bench.delivers = false;
    await bench.intervals(4);
    bench.events.length = 0;
    bench.deliver();
    bench.deliver();
    expect(bench.events).toEqual(['recovered']);
  });

  it('is not starving while Redis does not accept the probes', async () => {
    bench.delivers = false;
    bench.accepts = false;
    const found = await bench.intervals(6);
    expect(found.slice(1)).toEqual(Array.from({ length: 5 }, () => 'publish probe'));
    expect(bench.probe.lastConfirmed).toBeUndefined();
  });

  it('publishes nothing before Redis has acknowledged its channel', async () => {
    bench.acknowledges = false;
    expect(await bench.intervals(3)).toEqual(['subscribe probe', '', '']);
    bench.waiters[0]?.onSubscribed();
    expect(await bench.intervals(1)).toEqual(['publish probe']);
  });

  it('subscribes again after the subscription has failed', async () => {
    bench.acknowledges = false;
    await bench.intervals(1);
    bench.waiters[0]?.onFailed(new Error('closed'));
    expect(await bench.intervals(2)).toEqual(['subscribe probe', '']);
  });

  it('unsubscribes when Redis refuses its channel later', async () => {
    await bench.intervals(1);
    bench.events.length = 0;
    bench.probe.onRefused();
    expect(bench.events).toEqual(['unsubscribe probe']);
  });

  it('unsubscribes when Redis refuses its channel after a stop', async () => {
    await bench.intervals(1);
    bench.probe.stop();
    bench.events.length = 0;
    bench.probe.onRefused();
    expect(bench.events).toEqual(['unsubscribe probe']);
  });

  it('publishes at once when asked to, and counts the intervals from then on', async () => {
    bench.delivers = false;
    await bench.intervals(2);
    bench.events.length = 0;
    bench.probe.probeNow();
    expect(bench.events).toEqual(['publish probe']);
    expect(await bench.intervals(2)).toEqual(['publish probe', 'starving']);
  });

  describe('lastConfirmed', () => {
    it('is undefined while no probe is missing', async () => {
      await bench.intervals(4);
      expect(bench.probe.lastConfirmed).toBeUndefined();
    });

    it('is when the last probe that arrived was published, once a later one is missing', async () => {
      const start = Date.now();
      await pass(3 * INTERVAL);
      bench.delivers = false;
      await pass(INTERVAL - 1);
      expect(bench.probe.lastConfirmed).toBeUndefined();
      await pass(1);
      expect(bench.probe.lastConfirmed).toEqual(new Date(start + 3 * INTERVAL));
      await pass(20 * INTERVAL);
      expect(bench.probe.isStarving).toBe(true);
      expect(bench.probe.lastConfirmed).toEqual(new Date(start + 3 * INTERVAL));
    });
  });

  describe('onConnected', () => {
    it('confirms delivery from then on, and expects no probe of the last connection', async () => {
      bench.delivers = false;
      await bench.intervals(2);
      const start = Date.now();
      bench.probe.onConnected();
      expect(bench.probe.lastConfirmed).toBeUndefined();
      expect(await bench.intervals(3)).toEqual(['publish probe', 'publish probe', 'starving']);
      expect(bench.probe.lastConfirmed).toEqual(new Date(start));
    });

    it('confirms nothing while the subscriber is starving', async () => {
      const start = Date.now();
      bench.delivers = false;
      await bench.intervals(3);
      bench.probe.onConnected();
      expect(bench.probe.lastConfirmed?.getTime()).toBeLessThanOrEqual(start);
    });
  });

  describe('move', () => {
    it('unsubscribes from the last channel, and uses the next one', async () => {
      await bench.intervals(1);
      bench.events.length = 0;
      bench.probe.move('other');
      expect([bench.events, bench.probe.channel]).toEqual([['unsubscribe probe'], 'other']);
      expect(await bench.intervals(1)).toEqual(['subscribe other, publish other']);
    });

    it('unsubscribes from nothing before the first probe', () => {
      bench.probe.move('other');
      expect(bench.events).toEqual([]);
    });

    it('ignores the acknowledgement of the last channel', async () => {
      bench.acknowledges = false;
      await bench.intervals(1);
      bench.probe.move('other');
      await bench.intervals(1);
      bench.waiters[0]?.onSubscribed();
      expect(await bench.intervals(1)).toEqual(['']);
    });

    it('ignores the failure of the last channel', async () => {
      bench.acknowledges = false;
      await bench.intervals(1);
      bench.probe.move('other');
      await bench.intervals(1);
      bench.waiters[0]?.onFailed(new Error('removed'));
      expect(await bench.intervals(1)).toEqual(['']);
    });

    it('ignores that Redis accepted a probe on the last channel', async () => {
      let accept!: () => void;
      const accepted = new Promise<number>((resolve) => {
        accept = () => resolve(1);
      });
      const probe = new DeliveryProbe(
        { channel: 'probe', intervalMs: INTERVAL, log: { warn: () => undefined } },
        {
          isSubscribed: () => true,
          publish: () => accepted,
          subscribe: (_, __, waiter) => waiter.onSubscribed(),
          unsubscribe: () => undefined,
          whenRead: (onRead) => void setImmediate(onRead),
          ping: (onAnswer) => onAnswer(),
          onStarving: () => undefined,
          onRecovered: () => undefined,
        },
      );
      probe.start();
      await pass(INTERVAL);
      probe.move('other');
      accept();
      await pass(0);
      expect(probe.lastConfirmed).toBeUndefined();
      probe.stop();
    });
  });

  describe('stop and close', () => {
    it('check nothing from then on', async () => {
      await bench.intervals(1);
      bench.probe.stop();
      expect(await bench.intervals(3)).toEqual(['', '', '']);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('keep a check that waits for its turn from running', async () => {
      advance(INTERVAL);
      bench.probe.stop();
      await pass(0);
      expect(bench.events).toEqual([]);
    });

    it('end the starving state, and the longer waits', async () => {
      bench.delivers = false;
      await bench.intervals(7);
      bench.probe.stop();
      expect(bench.probe.isStarving).toBe(false);
      bench.probe.start();
      expect(await bench.intervals(3)).toEqual([
        'subscribe probe, publish probe',
        'publish probe',
        'starving',
      ]);
    });

    it('unsubscribe with close alone', async () => {
      await bench.intervals(1);
      bench.events.length = 0;
      bench.probe.stop();
      expect(bench.events).toEqual([]);
      bench.probe.start();
      await bench.intervals(1);
      bench.events.length = 0;
      bench.probe.close();
      expect(bench.events).toEqual(['unsubscribe probe']);
    });
  });

  it('has one timer, however often it is started', () => {
    bench.probe.start();
    expect(vi.getTimerCount()).toBe(1);
  });

  it('is off with the interval 0', () => {
    bench.probe.stop();
    new Bench(0).probe.start();
    expect(vi.getTimerCount()).toBe(0);
  });
});
