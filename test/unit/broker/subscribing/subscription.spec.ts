import { describe, expect, it } from 'vitest';
import { Listener, message, removeListener, settle } from './registry-listener.js';
import { Subscription } from '../../../../src/broker/subscribing/subscription.js';
import { ClosedError } from '../../../../src/errors.js';
import { SubscriptionRegistry } from '../../../../src/broker/subscribing/subscription-registry.js';

/** A waiter that keeps its calls. */
const waiter = () => {
  const calls: unknown[] = [];
  return {
    calls,
    onSubscribed: () => void calls.push('subscribed'),
    onFailed: (error: unknown) => void calls.push(error),
  };
};

describe('Subscription#deliver', () => {
  it('reaches the listeners of its subscription alone, in the order in which they were added', () => {
    const registry = new SubscriptionRegistry();
    const order: number[] = [];
    for (const i of [1, 2, 3])
      registry.add({ kind: 'channel', name: 'a' }, new Listener(() => order.push(i)));
    const others = [new Listener(), new Listener()] as const;
    registry.add({ kind: 'channel', name: 'b' }, others[0]);
    registry.add({ kind: 'pattern', name: 'a' }, others[1]);
    registry.deliver(message('x'));
    expect(order).toEqual([1, 2, 3]);
    expect(others.map(({ received }) => received)).toEqual([[], []]);
    registry.deliver(message('x', 'a', 'pattern'));
    expect(others[1].received).toEqual(['x']);
  });

  it('reaches no listener that was removed', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, listener);
    settle(registry);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    registry.deliver(message('x'));
    registry.deliver(message('x', 'unknown'));
    expect(listener.received).toEqual([]);
  });

  it('reaches a listener that was added twice once', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, listener);
    registry.add({ kind: 'channel', name: 'a' }, listener);
    registry.deliver(message('x'));
    expect(listener.received).toEqual(['x']);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    registry.deliver(message('y'));
    expect(listener.received).toEqual(['x']);
  });

  it.each([1, 2, 3])(
    'does not reach a listener that %i others add during the delivery',
    (count) => {
      const registry = new SubscriptionRegistry();
      const late = new Listener();
      const early = Array.from(
        { length: count },
        () => new Listener(() => registry.add({ kind: 'channel', name: 'a' }, late)),
      );
      for (const listener of early) registry.add({ kind: 'channel', name: 'a' }, listener);
      registry.deliver(message('x'));
      expect(early.map(({ received }) => received)).toEqual(early.map(() => ['x']));
      expect(late.received).toEqual([]);
      registry.deliver(message('y'));
      expect(late.received).toEqual(['y']);
    },
  );

  it('does not reach a listener that an earlier one removes', () => {
    const registry = new SubscriptionRegistry();
    const removed = new Listener();
    const last = new Listener();
    registry.add(
      { kind: 'channel', name: 'a' },
      new Listener(() => removeListener(registry, { kind: 'channel', name: 'a' }, removed)),
    );
    registry.add({ kind: 'channel', name: 'a' }, removed);
    registry.add({ kind: 'channel', name: 'a' }, last);
    registry.deliver(message('x'));
    expect([removed.received, last.received]).toEqual([[], ['x']]);
  });

  it('does not reach a listener again that removes itself and comes back', () => {
    const registry = new SubscriptionRegistry();
    const again: Listener = new Listener(() => {
      removeListener(registry, { kind: 'channel', name: 'a' }, again);
      registry.add({ kind: 'channel', name: 'a' }, again);
    });
    const other = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, again);
    registry.add({ kind: 'channel', name: 'a' }, other);
    registry.deliver(message('x'));
    expect([again.received, other.received]).toEqual([['x'], ['x']]);
  });

  it('does not reach a listener that was added in exchange for one after it', () => {
    const registry = new SubscriptionRegistry();
    const removed = new Listener();
    const late = new Listener();
    const swap = new Listener(() => {
      removeListener(registry, { kind: 'channel', name: 'a' }, removed);
      registry.add({ kind: 'channel', name: 'a' }, late);
    });
    for (const listener of [swap, removed]) registry.add({ kind: 'channel', name: 'a' }, listener);
    registry.deliver(message('x'));
    expect([removed.received, late.received]).toEqual([[], []]);
  });

  it('reaches the last of three even if the first removes itself and adds another', () => {
    const registry = new SubscriptionRegistry();
    const late = new Listener();
    const first: Listener = new Listener(() => {
      removeListener(registry, { kind: 'channel', name: 'a' }, first);
      registry.add({ kind: 'channel', name: 'a' }, late);
    });
    const rest = [new Listener(), new Listener()];
    for (const listener of [first, ...rest]) registry.add({ kind: 'channel', name: 'a' }, listener);
    registry.deliver(message('x'));
    expect(rest.map(({ received }) => received)).toEqual([['x'], ['x']]);
    expect(late.received).toEqual([]);
  });
});

const create = () => new Subscription({ kind: 'channel', name: 'a' });

describe('Subscription', () => {
  /** A listener that keeps its gaps and its refusals. */
  class Resubscribed extends Listener {
    readonly gaps: unknown[] = [];
    refusals = 0;
    onResubscribed(gap: unknown): void {
      this.gaps.push(gap);
    }
    onRefused(): void {
      this.refusals++;
    }
  }

  it.each([
    [false, 'unsubscribed', false],
    [false, 'pending', true],
    [false, 'subscribed', true],
    [true, 'unsubscribed', true],
    [true, 'pending', false],
    [true, 'subscribed', false],
  ] as const)('with listeners %j, "%s" is dirty: %j', (hasListeners, state, isDirty) => {
    const subscription = create();
    if (hasListeners) subscription.addListener(new Listener());
    subscription.state = state;
    expect(subscription.isDirty).toBe(isDirty);
  });

  it('calls all waiters at the acknowledgement, once', () => {
    const subscription = create();
    const waiters = [waiter(), waiter()];
    for (const it of waiters) {
      const listener = new Listener();
      subscription.addListener(listener);
      subscription.addWaiter(listener, it);
    }
    expect(subscription.hasWaiters).toBe(true);
    expect(subscription.acknowledge()).toBeUndefined();
    subscription.acknowledge();
    expect(waiters.map(({ calls }) => calls)).toEqual([['subscribed'], ['subscribed']]);
    expect([subscription.state, subscription.hasWaiters]).toEqual(['subscribed', false]);
  });

  it('calls a waiter soon, and not at once, when it is subscribed already', async () => {
    const subscription = create();
    subscription.state = 'subscribed';
    const { calls, ...it } = waiter();
    subscription.addWaiter(new Listener(), it);
    expect(calls).toEqual([]);
    await Promise.resolve();
    expect(calls).toEqual(['subscribed']);
  });

  it('fails the waiters of a listener that is removed, and no others', () => {
    const subscription = create();
    const [one, other] = [new Listener(), new Listener()];
    const [first, second] = [waiter(), waiter()];
    for (const listener of [one, other]) subscription.addListener(listener);
    subscription.addWaiter(one, first);
    subscription.addWaiter(other, second);
    subscription.removeListener(one);
    expect(first.calls).toEqual([new ClosedError('Unsubscribed before Redis acknowledged')]);
    subscription.acknowledge();
    expect(second.calls).toEqual(['subscribed']);
  });

  it('reports a gap to the listeners that were subscribed before it', () => {
    const subscription = create();
    const [before, added] = [new Resubscribed(), new Resubscribed()];
    const from = new Date(0);
    subscription.addListener(before);
    subscription.outage = { from };
    subscription.addListener(added);
    subscription.addWaiter(added, waiter());
    const gap = subscription.acknowledge();
    expect(gap).toEqual({ from, to: expect.any(Date) });
    expect([before.gaps, added.gaps]).toEqual([[gap], []]);
    expect(subscription.outage).toBeUndefined();
  });

  it('removes the listeners of failed waiters, and reports the refusal to the others', async () => {
    const subscription = create();
    const [before, added] = [new Resubscribed(), new Resubscribed()];
    const { calls, ...failed } = waiter();
    for (const listener of [before, added]) subscription.addListener(listener);
    subscription.addWaiter(added, failed);
    subscription.state = 'pending';
    subscription.refuse('no');
    expect([before.refusals, added.refusals, calls]).toEqual([1, 0, []]);
    expect([subscription.hasListeners, subscription.state]).toEqual([true, 'unsubscribed']);
    await Promise.resolve();
    expect(calls).toEqual(['no']);
    subscription.deliver(message('x'));
    expect([before.received, added.received]).toEqual([['x'], []]);
  });
});
