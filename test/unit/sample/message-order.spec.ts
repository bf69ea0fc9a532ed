import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MessageOrder } from '../../../sample/notifications/launcher/message-order.js';

/** The time that a received message waits for its sender, in milliseconds. */
const HOLD_MS = 250;

function createOrder() {
  const lines: string[] = [];
  const order = new MessageOrder(({ kind, instance, channel }) => {
    lines.push(`${instance} ${kind} ${channel}`);
  });
  return {
    lines,
    order,
    sent: (instance: string, channel: string, receivers = 1) =>
      order.add({ kind: 'sent', instance, channel, receivers }),
    received: (instance: string, channel: string) =>
      order.add({ kind: 'received', instance, channel }),
  };
}

describe('the order of messages in the log of the sample', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is sent before received, whichever is reported first', () => {
    const { lines, sent, received } = createOrder();
    received('b', 'x');
    received('c', 'x');
    expect(lines).toEqual([]);
    sent('a', 'x', 2);
    expect(lines).toEqual(['a sent x', 'b received x', 'c received x']);
    sent('a', 'x');
    received('b', 'x');
    expect(lines.slice(3)).toEqual(['a sent x', 'b received x']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps the order of a process that sends because it received', () => {
    const { lines, sent, received } = createOrder();
    received('b', 'x');
    sent('b', 'y');
    received('c', 'y');
    sent('a', 'x');
    expect(lines).toEqual(['a sent x', 'b received x', 'b sent y', 'c received y']);
  });

  it('holds for a process that receives its own message', () => {
    const { lines, sent, received } = createOrder();
    received('a', 'x');
    sent('a', 'x');
    expect(lines).toEqual(['a sent x', 'a received x']);
  });

  it('holds for two processes that report late that they sent', () => {
    const { lines, sent, received } = createOrder();
    received('a', 'x');
    sent('a', 'y');
    received('b', 'y');
    sent('b', 'x');
    vi.advanceTimersByTime(HOLD_MS);
    expect(lines.toSorted()).toEqual(['a received x', 'a sent y', 'b received y', 'b sent x']);
    for (const channel of ['x', 'y']) {
      const first = lines.find((line) => line.endsWith(channel));
      expect(first).toContain('sent');
    }
  });

  it('delays a message of another client of Redis only for a moment', () => {
    const { lines, received, order } = createOrder();
    received('b', 'x');
    order.add({ kind: 'subscribed', instance: 'b', channel: 'y' });
    order.add({ kind: 'subscribed', instance: 'c', channel: 'z' });
    expect(lines).toEqual(['c subscribed z']);
    vi.advanceTimersByTime(HOLD_MS);
    expect(lines).toEqual(['c subscribed z', 'b received x', 'b subscribed y']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('holds although another client of Redis received the last message, too', () => {
    const { lines, sent, received } = createOrder();
    sent('a', 'x', 2);
    received('b', 'x');
    vi.advanceTimersByTime(HOLD_MS);
    received('b', 'x');
    sent('a', 'x', 2);
    expect(lines).toEqual(['a sent x', 'b received x', 'a sent x', 'b received x']);
  });

  it('passes on everything at the end', () => {
    const { lines, received, order } = createOrder();
    received('b', 'x');
    order.flush();
    expect(lines).toEqual(['b received x']);
    expect(vi.getTimerCount()).toBe(0);
  });
});
