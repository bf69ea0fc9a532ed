import { describe, expect, it } from 'vitest';
import { ClosedError } from 'nestjs-redis-pubsub';
import { SubscriptionRegistry } from '../../../../src/broker/subscribing/subscription-registry.js';
import { acknowledgement, Listener, message, removeListener, settle } from './registry-listener.js';

/** A registry with one subscription that Redis has not acknowledged yet. */
function pendingSubscription() {
  const registry = new SubscriptionRegistry();
  const listener = new Listener();
  const subscription = registry.add({ kind: 'channel', name: 'a' }, listener);
  const acknowledged = registry.takeDirty('channel', 1).map((it) => {
    registry.setPending(it);
    return acknowledgement(it, listener);
  })[0];
  return { registry, listener, subscription, acknowledged };
}

function refuseAll(registry: SubscriptionRegistry): void {
  for (const subscription of registry.takeDirty('channel', 100)) {
    registry.setPending(subscription);
    registry.refuse(subscription, new Error('no'));
  }
}

describe('SubscriptionRegistry#listenersOf', () => {
  it('returns more listeners of a glob than a call can have arguments', () => {
    const registry = new SubscriptionRegistry();
    for (let i = 0; i < 200_000; i++) registry.add({ kind: 'pattern', name: 'a*' }, new Listener());
    expect(registry.listenersOf('ab', 'channel')).toHaveLength(200_000);
  });
});

describe('SubscriptionRegistry#takeDirty', () => {
  it('returns each new name once, however many listeners it has', () => {
    const registry = new SubscriptionRegistry();
    registry.add({ kind: 'channel', name: 'a' }, new Listener());
    registry.add({ kind: 'channel', name: 'a' }, new Listener());
    registry.add({ kind: 'pattern', name: 'a' }, new Listener());
    expect(registry.hasDirty).toBe(true);
    expect(settle(registry)).toEqual(['+channel a', '+pattern a']);
    expect(registry.hasDirty).toBe(false);
    registry.add({ kind: 'channel', name: 'a' }, new Listener());
    expect(registry.hasDirty).toBe(false);
  });

  it('returns a subscription that was looked up while the connection was lost', () => {
    const registry = new SubscriptionRegistry();
    registry.add({ kind: 'channel', name: 'a' }, new Listener());
    settle(registry);
    registry.onConnectionLost({ from: new Date() });
    expect(registry.isSubscribed({ kind: 'channel', name: 'a' })).toBe(false);
    expect(registry.hasDirty).toBe(true);
    expect(settle(registry)).toEqual(['+channel a']);
  });

  it('returns a subscription whose last listener was removed', () => {
    const registry = new SubscriptionRegistry();
    const [one, other] = [new Listener(), new Listener()];
    registry.add({ kind: 'channel', name: 'a' }, one);
    registry.add({ kind: 'channel', name: 'a' }, other);
    settle(registry);
    removeListener(registry, { kind: 'channel', name: 'a' }, one);
    expect(registry.hasDirty).toBe(false);
    removeListener(registry, { kind: 'channel', name: 'a' }, other);
    expect(settle(registry)).toEqual(['-channel a']);
  });

  it('returns nothing when a listener is removed before SUBSCRIBE, or added before UNSUBSCRIBE', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, listener);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    expect(registry.hasDirty).toBe(false);
    registry.add({ kind: 'channel', name: 'a' }, listener);
    settle(registry);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    registry.add({ kind: 'channel', name: 'a' }, listener);
    expect(registry.hasDirty).toBe(false);
    expect(registry.isRestored).toBe(true);
  });

  it('does not return a pending subscription again', () => {
    const { registry } = pendingSubscription();
    expect(registry.takeDirty('channel', 1)).toEqual([]);
    registry.add({ kind: 'channel', name: 'a' }, new Listener());
    expect(registry.takeDirty('channel', 1)).toEqual([]);
  });

  it('returns batches of one kind, in the order in which listeners were added', () => {
    const registry = new SubscriptionRegistry();
    for (const name of ['a', 'b', 'c']) registry.add({ kind: 'channel', name }, new Listener());
    registry.add({ kind: 'pattern', name: 'p*' }, new Listener());
    const names = (limit: number) =>
      registry.takeDirty('channel', limit).map(({ key }) => key.name);
    expect([names(2), names(2), names(2)]).toEqual([['a', 'b'], ['c'], []]);
    expect(registry.hasDirty).toBe(true);
    expect(registry.takeDirty('pattern', 5).map(({ key }) => key.name)).toEqual(['p*']);
    expect(registry.hasDirty).toBe(false);
  });

  it('returns each subscription with listeners, and no other, after a lost connection', () => {
    const registry = new SubscriptionRegistry();
    const gone = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, new Listener());
    registry.add({ kind: 'channel', name: 'gone' }, gone);
    registry.add({ kind: 'pattern', name: 'p*' }, new Listener());
    settle(registry);
    removeListener(registry, { kind: 'channel', name: 'gone' }, gone);
    registry.onConnectionLost({ from: new Date() });
    expect(registry.isRestored).toBe(false);
    expect(settle(registry)).toEqual(['+channel a', '+pattern p*']);
    expect(registry.isRestored).toBe(true);
  });

  it('ignores an unknown name', () => {
    const registry = new SubscriptionRegistry();
    removeListener(registry, { kind: 'channel', name: 'unknown' }, new Listener());
    expect([registry.hasDirty, registry.isRestored]).toEqual([false, true]);
  });
});

describe('SubscriptionRegistry#isRestored', () => {
  it('is true at the last acknowledgement after a lost connection', () => {
    const registry = new SubscriptionRegistry();
    expect(registry.isRestored).toBe(true);
    registry.add({ kind: 'channel', name: 'a' }, new Listener());
    registry.add({ kind: 'channel', name: 'b' }, new Listener());
    settle(registry);
    registry.onConnectionLost({ from: new Date() });
    registry.onConnectionLost({ from: new Date() });
    const [a, b] = registry.takeDirty('channel', 2);
    for (const subscription of [a, b]) {
      expect(registry.isRestored).toBe(false);
      if (!subscription) continue;
      registry.setPending(subscription);
      registry.acknowledge(subscription);
      registry.acknowledge(subscription);
    }
    expect(registry.isRestored).toBe(true);
  });

  it('does not wait for a subscription without listeners', () => {
    const { registry, listener, subscription } = pendingSubscription();
    registry.acknowledge(subscription);
    registry.onConnectionLost({ from: new Date() });
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    expect(registry.isRestored).toBe(true);
  });

  it('does not wait for a subscription that was added after the loss', () => {
    const { registry, subscription } = pendingSubscription();
    registry.acknowledge(subscription);
    registry.onConnectionLost({ from: new Date() });
    registry.add({ kind: 'channel', name: 'late' }, new Listener());
    expect(registry.isRestored).toBe(false);
    expect(registry.takeDirty('channel', 2)).toContain(subscription);
    registry.setPending(subscription);
    registry.acknowledge(subscription);
    expect(registry.isRestored).toBe(true);
  });

  it('is false while Redis refuses a subscription that it acknowledged before', () => {
    const { registry, subscription } = pendingSubscription();
    registry.acknowledge(subscription);
    registry.onConnectionLost({ from: new Date() });
    refuseAll(registry);
    expect([registry.isRestored, registry.hasDirty]).toEqual([false, false]);
    registry.recheck(subscription);
    expect(settle(registry)).toEqual(['+channel a']);
    expect(registry.isRestored).toBe(true);
  });

  it('is true after a refusal that removes the last listener', async () => {
    const { registry, acknowledged, subscription } = pendingSubscription();
    registry.refuse(subscription, new Error('no'));
    await expect(acknowledged).rejects.toThrow('no');
    expect([registry.isRestored, registry.hasDirty]).toEqual([true, false]);
  });
});

describe('the waiters of a subscription', () => {
  it('resolve at the acknowledgement, and also after it', async () => {
    const { registry, subscription, listener, acknowledged } = pendingSubscription();
    registry.acknowledge(subscription);
    await expect(acknowledged).resolves.toBeUndefined();
    await expect(acknowledgement(subscription, listener)).resolves.toBeUndefined();
  });

  it('reject when their own listener is removed, and not with another one', async () => {
    const { registry, subscription, listener, acknowledged } = pendingSubscription();
    const other = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, other);
    const othersTurn = acknowledgement(subscription, other);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    await expect(acknowledged).rejects.toThrow(ClosedError);
    registry.acknowledge(subscription);
    await othersTurn;
  });

  it('keep waiting while connections are lost', async () => {
    const { registry, acknowledged } = pendingSubscription();
    registry.onConnectionLost({ from: new Date() });
    registry.onConnectionLost({ from: new Date() });
    expect(settle(registry)).toEqual(['+channel a']);
    await acknowledged;
  });

  it('reject at a refusal, which removes their listeners and no older ones', async () => {
    const { registry, subscription, listener: old } = pendingSubscription();
    registry.acknowledge(subscription);
    registry.onConnectionLost({ from: new Date() });
    const late = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, late);
    const acknowledged = acknowledgement(subscription, late);
    registry.takeDirty('channel', 1);
    registry.setPending(subscription);
    registry.refuse(subscription, new Error('no'));
    await expect(acknowledged).rejects.toThrow('no');
    expect(subscription.hasListeners).toBe(true);
    registry.recheck(subscription);
    settle(registry);
    registry.deliver(message('x'));
    expect([old.received, late.received]).toEqual([['x'], []]);
  });

  it('can subscribe again when they fail, and are counted once', async () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    const again = new Promise<void>((onSubscribed, reject) => {
      registry.add({ kind: 'channel', name: 'a' }, listener).addWaiter(listener, {
        onSubscribed: () => reject(new Error('It was refused')),
        onFailed: () =>
          registry
            .add({ kind: 'channel', name: 'a' }, listener)
            .addWaiter(listener, { onSubscribed, onFailed: reject }),
      });
    });
    refuseAll(registry);
    await Promise.resolve();
    expect(settle(registry)).toEqual(['+channel a']);
    await again;
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    expect(settle(registry)).toEqual(['-channel a']);
    registry.onConnectionLost({ from: new Date() });
    expect([registry.isRestored, registry.isEmpty]).toEqual([true, true]);
  });

  it('are counted once when a listener removes itself at the refusal', () => {
    const registry = new SubscriptionRegistry();
    class SelfRemovingListener extends Listener {
      onRefused(): void {
        removeListener(registry, { kind: 'channel', name: 'a' }, this);
      }
    }
    registry.add({ kind: 'channel', name: 'a' }, new SelfRemovingListener());
    registry.add({ kind: 'channel', name: 'b' }, new Listener());
    settle(registry);
    registry.onConnectionLost({ from: new Date() });
    for (const subscription of registry.takeDirty('channel', 100)) {
      registry.setPending(subscription);
      if (subscription.key.name === 'a') registry.refuse(subscription, new Error('no'));
      else registry.acknowledge(subscription);
    }
    expect(registry.isRestored).toBe(true);
    registry.onConnectionLost({ from: new Date() });
    expect(registry.isRestored).toBe(false);
    expect(settle(registry)).toEqual(['+channel b']);
    expect([registry.isRestored, registry.hasDirty]).toEqual([true, false]);
  });

  it('all reject when the broker closes', async () => {
    const { registry, acknowledged } = pendingSubscription();
    const listener = new Listener();
    const other = acknowledgement(
      registry.add({ kind: 'pattern', name: 'p*' }, listener),
      listener,
    );
    registry.failWaiters(new ClosedError());
    await expect(acknowledged).rejects.toThrow(ClosedError);
    await expect(other).rejects.toThrow(ClosedError);
    expect([registry.isRestored, registry.hasDirty]).toEqual([true, false]);
  });
});

describe('a subscription without listeners', () => {
  it('is removed after UNSUBSCRIBE; the next listener gets a new one', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    const first = registry.add({ kind: 'channel', name: 'a' }, listener);
    settle(registry);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    settle(registry);
    const second = registry.add({ kind: 'channel', name: 'a' }, listener);
    expect(second).not.toBe(first);
    expect(settle(registry)).toEqual(['+channel a']);
  });

  it('is removed when the connection is lost', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    const first = registry.add({ kind: 'channel', name: 'a' }, listener);
    settle(registry);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    registry.onConnectionLost({ from: new Date() });
    expect([registry.hasDirty, registry.isRestored]).toEqual([false, true]);
    expect(registry.add({ kind: 'channel', name: 'a' }, listener)).not.toBe(first);
  });
});
