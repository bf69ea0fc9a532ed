import { describe, expect, it } from 'vitest';
import { ChannelPattern } from '../../../src/channel/channel-pattern.js';
import { DeclaredPatterns } from '../../../src/prometheus/declared-patterns.js';

/** The patterns of handlers of one transport. */
function declare(sources: readonly string[], prefix = '', transport = 'shop') {
  const declared = new DeclaredPatterns();
  for (const pattern of sources) {
    const key = ChannelPattern.parse(pattern).subscriptionKey(prefix, false);
    declared.add({ transport, pattern, ...key });
  }
  return declared;
}

describe('DeclaredPatterns', () => {
  it('finds the literal before a glob, and the longest glob of several', () => {
    const declared = declare(['*', 'order.*', 'order.:id', 'order.paid', '*.created']);
    expect(declared.match('order.paid')).toBe('order.paid');
    expect(declared.match('order.7')).toBe('order.*');
    expect(declared.match('user.created')).toBe('*.created');
    expect(declared.match('audit')).toBe('*');
  });

  it('keeps patterns apart that differ in case alone', () => {
    const declared = declare(['User.x', 'user.x', 'Order.:id', 'order.:ID'], 'shop:');
    expect(declared.match('shop:User.x')).toBe('User.x');
    expect(declared.match('shop:user.x')).toBe('user.x');
    expect(declared.match('shop:USER.x')).toBeUndefined();
    expect(declared.match('shop:Order.7')).toBe('Order.:id');
    expect(declared.match('shop:order.7')).toBe('order.:ID');
    expect(declared.has('shop', 'Order.:ID')).toBe(false);
  });

  it('matches one segment for a parameter, as a handler does', () => {
    const declared = declare(['user.:id', 'a.:x.:y'], 'shop[1]:');
    expect(declared.match('shop[1]:user.7')).toBe('user.:id');
    expect(declared.match('shop[1]:user.7.inbox')).toBeUndefined();
    expect(declared.match('shop[1]:a.1.2')).toBe('a.:x.:y');
    expect(declared.match('shop1:user.7')).toBeUndefined();
    expect(declared.match('user.7')).toBeUndefined();
  });

  it('has the pattern of a subscription at Redis, of each transport on its own', () => {
    const declared = declare(['user.:id', 'user.*'], 'shop:');
    declared.add({ transport: 'audit', pattern: '*.*', kind: 'pattern', name: 'shop:user.*' });
    expect(declared.subscriptionsOf('shop').get('shop:user.*')).toBe('user.:id');
    expect(declared.subscriptionsOf('audit').get('shop:user.*')).toBe('*.*');
    expect(declared.subscriptionsOf('mail').size).toBe(0);
    expect(declared.has('shop', 'user.*')).toBe(true);
    expect(declared.has('audit', 'user.*')).toBe(false);
  });

  it('takes a literal with the characters of a glob literally', () => {
    const declared = new DeclaredPatterns();
    const name = '{"cmd":"a*"}';
    declared.add({ transport: 'shop', pattern: name, kind: 'channel', name });
    expect(declared.match(name)).toBe(name);
    expect(declared.match('{"cmd":"ab"}')).toBeUndefined();
  });

  it('finds a pattern that is declared after its channel was looked for', () => {
    const declared = declare(['*']);
    expect(declared.match('order.1')).toBe('*');
    declared.add({ transport: 'shop', pattern: 'order.*', kind: 'pattern', name: 'order.*' });
    expect(declared.match('order.1')).toBe('order.*');
  });

  it('has nothing after it was cleared', () => {
    const declared = declare(['*', 'a']);
    declared.match('a');
    declared.clear();
    expect(declared.match('a')).toBeUndefined();
    expect(declared.has('shop', 'a')).toBe(false);
    expect([...declared.transports]).toEqual([]);
  });
});
