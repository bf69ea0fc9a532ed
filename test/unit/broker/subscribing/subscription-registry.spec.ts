import { describe, expect, it } from 'vitest';
import { ClosedError } from 'nestjs-redis-pubsub';
import { SubscriptionRegistry } from '../../../../src/broker/subscribing/subscription-registry.js';
import { acknowledgement, Listener, message, settle } from './registry-listener.js';

/** A registry with one told and not yet answered subscription. */
function telling() {
  const registry = new SubscriptionRegistry();
  const listener = new Listener();
  const subscription = registry.add('channel', 'a', listener);
  const acknowledged = registry.takeStale('channel', 1).map((it) => {
    registry.told(it);
    return acknowledgement(it, listener);
  })[0];
  return { registry, listener, subscription, acknowledged };
}

function settleRefusing(registry: SubscriptionRegistry): void {
  for (const subscription of registry.takeStale('channel', 100)) {
    registry.told(subscription);
    registry.refuse(subscription, new Error('no'));
  }
}

describe('what Redis has to be told', () => {
  it('is each new name once, however many listen', () => {
    const registry = new SubscriptionRegistry();
    registry.add('channel', 'a', new Listener());
    registry.add('channel', 'a', new Listener());
    registry.add('pattern', 'a', new Listener());
    expect(registry.hasStale).toBe(true);
    expect(settle(registry)).toEqual(['+channel a', '+pattern a']);
    expect(registry.hasStale).toBe(false);
    registry.add('channel', 'a', new Listener());
    expect(registry.hasStale).toBe(false);
  });

  it('is the end of a subscription that has lost its last listener', () => {
    const registry = new SubscriptionRegistry();
    const [one, other] = [new Listener(), new Listener()];
    registry.add('channel', 'a', one);
    registry.add('channel', 'a', other);
    settle(registry);
    registry.remove('channel', 'a', one);
    expect(registry.hasStale).toBe(false);
    registry.remove('channel', 'a', other);
    expect(settle(registry)).toEqual(['-channel a']);
  });

  it('is nothing when a listener goes before it was told of, or one comes before the end was', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    registry.add('channel', 'a', listener);
    registry.remove('channel', 'a', listener);
    expect(registry.hasStale).toBe(false);
    registry.add('channel', 'a', listener);
    settle(registry);
    registry.remove('channel', 'a', listener);
    registry.add('channel', 'a', listener);
    expect(registry.hasStale).toBe(false);
    expect(registry.isRestored).toBe(true);
  });

  it('is not the same thing twice', () => {
    const { registry } = telling();
    expect(registry.takeStale('channel', 1)).toEqual([]);
    registry.add('channel', 'a', new Listener());
    expect(registry.takeStale('channel', 1)).toEqual([]);
  });

  it('comes in batches, kind by kind, in the order of wanting', () => {
    const registry = new SubscriptionRegistry();
    for (const name of ['a', 'b', 'c']) registry.add('channel', name, new Listener());
    registry.add('pattern', 'p*', new Listener());
    const names = (limit: number) => registry.takeStale('channel', limit).map(({ name }) => name);
    expect([names(2), names(2), names(2)]).toEqual([['a', 'b'], ['c'], []]);
    expect(registry.hasStale).toBe(true);
    expect(registry.takeStale('pattern', 5).map(({ name }) => name)).toEqual(['p*']);
    expect(registry.hasStale).toBe(false);
  });

  it('is everything that is wanted, and no more, after a connection was lost', () => {
    const registry = new SubscriptionRegistry();
    const gone = new Listener();
    registry.add('channel', 'a', new Listener());
    registry.add('channel', 'gone', gone);
    registry.add('pattern', 'p*', new Listener());
    settle(registry);
    registry.remove('channel', 'gone', gone);
    registry.reset({ from: new Date() });
    expect(registry.isRestored).toBe(false);
    expect(settle(registry)).toEqual(['+channel a', '+pattern p*']);
    expect(registry.isRestored).toBe(true);
  });

  it('is no unknown name', () => {
    const registry = new SubscriptionRegistry();
    registry.remove('channel', 'nobody', new Listener());
    expect([registry.hasStale, registry.isRestored]).toEqual([false, true]);
  });
});

describe('being restored', () => {
  it('comes with the last acknowledgement after a connection was lost', () => {
    const registry = new SubscriptionRegistry();
    expect(registry.isRestored).toBe(true);
    registry.add('channel', 'a', new Listener());
    registry.add('channel', 'b', new Listener());
    settle(registry);
    registry.reset({ from: new Date() });
    registry.reset({ from: new Date() });
    const [a, b] = registry.takeStale('channel', 2);
    for (const subscription of [a, b]) {
      expect(registry.isRestored).toBe(false);
      if (!subscription) continue;
      registry.told(subscription);
      registry.acknowledge(subscription);
      registry.acknowledge(subscription);
    }
    expect(registry.isRestored).toBe(true);
  });

  it('does not wait for what nobody wants any more', () => {
    const { registry, listener, subscription } = telling();
    registry.acknowledge(subscription);
    registry.reset({ from: new Date() });
    registry.remove('channel', 'a', listener);
    expect(registry.isRestored).toBe(true);
  });

  it('does not wait for what came after the loss', () => {
    const { registry, subscription } = telling();
    registry.acknowledge(subscription);
    registry.reset({ from: new Date() });
    registry.add('channel', 'late', new Listener());
    expect(registry.isRestored).toBe(false);
    expect(registry.takeStale('channel', 2)).toContain(subscription);
    registry.told(subscription);
    registry.acknowledge(subscription);
    expect(registry.isRestored).toBe(true);
  });

  it('is not there while something that was acknowledged once is refused', () => {
    const { registry, subscription } = telling();
    registry.acknowledge(subscription);
    registry.reset({ from: new Date() });
    settleRefusing(registry);
    expect([registry.isRestored, registry.hasStale]).toEqual([false, false]);
    registry.review(subscription);
    expect(settle(registry)).toEqual(['+channel a']);
    expect(registry.isRestored).toBe(true);
  });

  it('is back after any refusal that leaves nobody waiting', async () => {
    const { registry, acknowledged, subscription } = telling();
    registry.refuse(subscription, new Error('no'));
    await expect(acknowledged).rejects.toThrow('no');
    expect([registry.isRestored, registry.hasStale]).toEqual([true, false]);
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
    registry.add('channel', 'a', other);
    const othersTurn = acknowledgement(subscription, other);
    registry.remove('channel', 'a', listener);
    await expect(acknowledged).rejects.toThrow(ClosedError);
    registry.acknowledge(subscription);
    await othersTurn;
  });

  it('go on waiting while connections are lost', async () => {
    const { registry, acknowledged } = telling();
    registry.reset({ from: new Date() });
    registry.reset({ from: new Date() });
    expect(settle(registry)).toEqual(['+channel a']);
    await acknowledged;
  });

  it('fail on a refusal and are forgotten, while older listeners stay', async () => {
    const { registry, subscription, listener: old } = telling();
    registry.acknowledge(subscription);
    registry.reset({ from: new Date() });
    const late = new Listener();
    registry.add('channel', 'a', late);
    const acknowledged = acknowledgement(subscription, late);
    registry.takeStale('channel', 1);
    registry.told(subscription);
    registry.refuse(subscription, new Error('no'));
    await expect(acknowledged).rejects.toThrow('no');
    expect(subscription.isWanted).toBe(true);
    registry.review(subscription);
    settle(registry);
    registry.deliver(message('x'));
    expect([old.heard, late.heard]).toEqual([['x'], []]);
  });

  it('may ask again the moment they fail, and nothing is counted twice', async () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    const again = new Promise<void>((onSubscribed, reject) => {
      registry.add('channel', 'a', listener).addWaiter(listener, {
        onSubscribed: () => reject(new Error('It was refused')),
        onFailed: () =>
          registry
            .add('channel', 'a', listener)
            .addWaiter(listener, { onSubscribed, onFailed: reject }),
      });
    });
    settleRefusing(registry);
    await Promise.resolve();
    expect(settle(registry)).toEqual(['+channel a']);
    await again;
    registry.remove('channel', 'a', listener);
    expect(settle(registry)).toEqual(['-channel a']);
    registry.reset({ from: new Date() });
    expect([registry.isRestored, registry.isEmpty]).toEqual([true, true]);
  });

  it('are counted once when who hears of a refusal takes its listener away', () => {
    const registry = new SubscriptionRegistry();
    class Leaving extends Listener {
      onRefused(): void {
        registry.remove('channel', 'a', this);
      }
    }
    registry.add('channel', 'a', new Leaving());
    registry.add('channel', 'b', new Listener());
    settle(registry);
    registry.reset({ from: new Date() });
    for (const subscription of registry.takeStale('channel', 100)) {
      registry.told(subscription);
      if (subscription.name === 'a') registry.refuse(subscription, new Error('no'));
      else registry.acknowledge(subscription);
    }
    expect(registry.isRestored).toBe(true);
    registry.reset({ from: new Date() });
    expect(registry.isRestored).toBe(false);
    expect(settle(registry)).toEqual(['+channel b']);
    expect([registry.isRestored, registry.hasStale]).toEqual([true, false]);
  });

  it('all fail when the broker closes', async () => {
    const { registry, acknowledged } = telling();
    const listener = new Listener();
    const other = acknowledgement(registry.add('pattern', 'p*', listener), listener);
    registry.abandon(new ClosedError());
    await expect(acknowledged).rejects.toThrow(ClosedError);
    await expect(other).rejects.toThrow(ClosedError);
    expect([registry.isRestored, registry.hasStale]).toEqual([true, false]);
  });
});

describe('a name that nobody wants any more', () => {
  it('is forgotten: the next one starts anew', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    const first = registry.add('channel', 'a', listener);
    settle(registry);
    registry.remove('channel', 'a', listener);
    settle(registry);
    const second = registry.add('channel', 'a', listener);
    expect(second).not.toBe(first);
    expect(settle(registry)).toEqual(['+channel a']);
  });

  it('is forgotten by a reset, too', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    const first = registry.add('channel', 'a', listener);
    settle(registry);
    registry.remove('channel', 'a', listener);
    registry.reset({ from: new Date() });
    expect([registry.hasStale, registry.isRestored]).toEqual([false, true]);
    expect(registry.add('channel', 'a', listener)).not.toBe(first);
  });
});
