import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Subscription } from '../../../../src/broker/subscribing/subscription.js';
import { UnsubscribeDelay } from '../../../../src/broker/subscribing/unsubscribe-delay.js';
import { advance, pass, useFakeClock, useRealClock } from '../fake-client.js';

const UNSUBSCRIBE_DELAY_MS = 1_000;

const subscription = (name: string): Subscription => new Subscription({ kind: 'channel', name });

describe('UnsubscribeDelay', () => {
  let expired: string[];
  let delay: UnsubscribeDelay;
  beforeEach(() => {
    useFakeClock();
    expired = [];
    delay = new UnsubscribeDelay(({ key }) => expired.push(key.name));
  });
  afterEach(useRealClock);

  it('lasts one second', async () => {
    delay.start(subscription('a'));
    await pass(999);
    expect(expired).toEqual([]);
    await pass(1);
    expect([expired, UNSUBSCRIBE_DELAY_MS]).toEqual([['a'], 1_000]);
  });

  it('ends for each subscription in its own time, with one timer', async () => {
    delay.start(subscription('a'));
    await pass(400);
    delay.start(subscription('b'));
    expect(vi.getTimerCount()).toBe(1);
    await pass(600);
    expect(expired).toEqual(['a']);
    await pass(399);
    expect(expired).toEqual(['a']);
    await pass(1);
    expect(expired).toEqual(['a', 'b']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('starts again for a subscription that is started twice', async () => {
    const [a, b] = [subscription('a'), subscription('b')];
    delay.start(a);
    delay.start(b);
    await pass(400);
    delay.start(a);
    await pass(600);
    expect(expired).toEqual(['b']);
    await pass(400);
    expect(expired).toEqual(['b', 'a']);
  });

  it('ends at most 1,000 subscriptions in one turn', async () => {
    for (let i = 0; i < 2_001; i++) delay.start(subscription(`${i}`));
    advance(1_000);
    expect(expired).toHaveLength(1_000);
    advance(1);
    expect(expired).toHaveLength(2_000);
    advance(1);
    expect(expired).toHaveLength(2_001);
    expect(expired.at(-1)).toBe('2000');
  });

  it('can be started for a subscription in the call that reports another one', async () => {
    const order: string[] = [];
    const chained: UnsubscribeDelay = new UnsubscribeDelay(({ key }) => {
      order.push(key.name);
      if (key.name === 'a') chained.start(subscription('b'));
    });
    chained.start(subscription('a'));
    await pass(1_999);
    expect(order).toEqual(['a']);
    await pass(1);
    expect(order).toEqual(['a', 'b']);
  });
});
