import { describe, expect, it } from 'vitest';
import { Listener, message, removeListener, settle } from './registry-listener.js';
import { SubscriptionRegistry } from '../../../../src/broker/subscribing/subscription-registry.js';

describe('a delivery', () => {
  it('reaches everyone who listens to its subscription, in the order they came, and no one else', () => {
    const registry = new SubscriptionRegistry();
    const order: number[] = [];
    for (const i of [1, 2, 3])
      registry.add({ kind: 'channel', name: 'a' }, new Listener(() => order.push(i)));
    const others = [new Listener(), new Listener()] as const;
    registry.add({ kind: 'channel', name: 'b' }, others[0]);
    registry.add({ kind: 'pattern', name: 'a' }, others[1]);
    registry.deliver(message('x'));
    expect(order).toEqual([1, 2, 3]);
    expect(others.map(({ heard }) => heard)).toEqual([[], []]);
    registry.deliver(message('x', 'a', 'pattern'));
    expect(others[1].heard).toEqual(['x']);
  });

  it('that nobody wants any more goes nowhere', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, listener);
    settle(registry);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    registry.deliver(message('x'));
    registry.deliver(message('x', 'unknown'));
    expect(listener.heard).toEqual([]);
  });

  it('reaches a listener that was added twice once', () => {
    const registry = new SubscriptionRegistry();
    const listener = new Listener();
    registry.add({ kind: 'channel', name: 'a' }, listener);
    registry.add({ kind: 'channel', name: 'a' }, listener);
    registry.deliver(message('x'));
    expect(listener.heard).toEqual(['x']);
    removeListener(registry, { kind: 'channel', name: 'a' }, listener);
    registry.deliver(message('y'));
    expect(listener.heard).toEqual(['x']);
  });

  it.each([1, 2, 3])('does not reach a listener that it made %i others add', (count) => {
    const registry = new SubscriptionRegistry();
    const late = new Listener();
    const early = Array.from(
      { length: count },
      () => new Listener(() => registry.add({ kind: 'channel', name: 'a' }, late)),
    );
    for (const listener of early) registry.add({ kind: 'channel', name: 'a' }, listener);
    registry.deliver(message('x'));
    expect(early.map(({ heard }) => heard)).toEqual(early.map(() => ['x']));
    expect(late.heard).toEqual([]);
    registry.deliver(message('y'));
    expect(late.heard).toEqual(['y']);
  });

  it('does not reach a listener that one before it removed', () => {
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
    expect([removed.heard, last.heard]).toEqual([[], ['x']]);
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
    expect([again.heard, other.heard]).toEqual([['x'], ['x']]);
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
    expect([removed.heard, late.heard]).toEqual([[], []]);
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
    expect(rest.map(({ heard }) => heard)).toEqual([['x'], ['x']]);
    expect(late.heard).toEqual([]);
  });
});
