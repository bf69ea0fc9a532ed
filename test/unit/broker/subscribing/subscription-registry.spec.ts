import { describe, expect, it } from 'vitest';
import { ClosedError } from 'nestjs-redis-pubsub';
import { SubscriptionRegistry } from '../../../../src/broker/subscribing/subscription-registry.js';
import { acknowledgement, Listener, message, removeListener, settle } from './registry-listener.js';

/** A registry with one told and not yet answered subscription. */
function telling() {
  const registry = new SubscriptionRegistry();
  const listener = new Listener();
  const subscription = registry.add({ kind: 'channel', name: 'a' }, listener);
  const acknowledged = registry.takeDirty('channel', 1).map((it) => {
    registry.setPending(it);
    return acknowledgement(it, listener);
  })[0];
  return { registry, listener, subscription, acknowledged };
}

function settleRefusing(registry: SubscriptionRegistry): void {
  for (const subscription of registry.takeDirty('channel', 100)) {
    registry.setPending(subscription);
    registry.refuse(subscription, new Error('no'));
  }
}

describe('what Redis has to be told', () => {
  it('is each new name once, however many listen', () => {
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

  it('is the end of a subscription that has lost its last listener', () => {
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

  it('is nothing when a listener goes before it was told of, or one comes before the end was', () => {
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

  it('is not the same thing twice', () => {
    const { registry } = telling();
    expect(registry.takeDirty('channel', 1)).toEqual([]);
    registry.add({ kind: 'channel', name: 'a' }, new Listener());
    expect(registry.takeDirty('channel', 1)).toEqual([]);
  });

  it('comes in batches, kind by kind, in the order of wanting', () => {
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

  it('is everything that is wanted, and no more, after a connection was lost', () => {
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

  it('is no unknown name', () => {
    const registry = new SubscriptionRegistry();
    removeListener(registry, { kind: 'channel', name: 'nobody' }, new Listener());
    expect([registry.hasDirty, registry.isRestored]).toEqual([false, true]);
  });
});

describe('being restored', () => {
  it('comes with the last acknowledgement after a connection was lost', () => {
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

  it('does not wait for what nobody wants any more', () => {
    const { registry, listener, subscription } = telling();
    registry.acknowledge(subscription);
    registry.onConnectionLost({ from: new Date() });
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    expect(registry.isRestored).toBe(true);
  });

  it('does not wait for what came after the loss', () => {
    const { registry, subscription } = telling();
    registry.acknowledge(subscription);
    registry.onConnectionLost({ from: new Date() });
    registry.add({ kind: 'channel', name: 'late' }, new Listener());
    expect(registry.isRestored).toBe(false);
    expect(registry.takeDirty('channel', 2)).toContain(subscription);
    registry.setPending(subscription);
    registry.acknowledge(subscription);
    expect(registry.isRestored).toBe(true);
  });

  it('is not there while something that was acknowledged once is refused', () => {
    const { registry, subscription } = telling();
    registry.acknowledge(subscription);
    registry.onConnectionLost({ from: new Date() });
    settleRefusing(registry);
    expect([registry.isRestored, registry.hasDirty]).toEqual([false, false]);
    registry.recheck(subscription);
    expect(settle(registry)).toEqual(['+channel a']);
    expect(registry.isRestored).toBe(true);
  });

  it('is back after any refusal that leaves nobody waiting', async () => {
    const { registry, acknowledged, subscription } = telling();
    registry.refuse(subscription, new Error('no'));
    await expect(acknowledged).rejects.toThrow('no');
    expect([registry.isRestored, registry.hasDirty]).toEqual([true, false]);
  });
});

describe('those who wait for an acknowledgement', () => {
  it('hear of it, at once if it is there already', async () => {
    const { registry, subscription, listener, acknowledged } = telling();
    registry.acknowledge(subscription);
    await expect(acknowledged).resolves.toBeUndefined();
    await expect(acknowledgement(subscription, listener)).resolves.toBeUndefined();
  });

  it('fail alone when they unsubscribe before', async () => {
    const { registry, subscription, listener, acknowledged } = telling();
    const other = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, other);
    const othersTurn = acknowledgement(subscription, other);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    await expect(acknowledged).rejects.toThrow(ClosedError);
    registry.acknowledge(subscription);
    await othersTurn;
  });

  it('go on waiting while connections are lost', async () => {
    const { registry, acknowledged } = telling();
    registry.onConnectionLost({ from: new Date() });
    registry.onConnectionLost({ from: new Date() });
    expect(settle(registry)).toEqual(['+channel a']);
    await acknowledged;
  });

  it('fail on a refusal and are forgotten, while older listeners stay', async () => {
    const { registry, subscription, listener: old } = telling();
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

  it('may ask again the moment they fail, and nothing is counted twice', async () => {
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
    settleRefusing(registry);
    await Promise.resolve();
    expect(settle(registry)).toEqual(['+channel a']);
    await again;
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    expect(settle(registry)).toEqual(['-channel a']);
    registry.onConnectionLost({ from: new Date() });
    expect([registry.isRestored, registry.isEmpty]).toEqual([true, true]);
  });

  it('are counted once when who hears of a refusal takes its listener away', () => {
    const registry = new SubscriptionRegistry();
    class Leaving extends Listener {
      onRefused(): void {
        removeListener(registry, { kind: 'channel', name: 'a' }, this);
      }
    }
    registry.add({ kind: 'channel', name: 'a' }, new Leaving());
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

  it('all fail when the broker closes', async () => {
    const { registry, acknowledged } = telling();
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

describe('a name that nobody wants any more', () => {
  it('is forgotten: the next one starts anew', () => {
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

  it('is forgotten by a reset, too', () => {
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
