import * as fc from 'fast-check';
import { Subject, take } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InvalidOptionError, latestByChannel } from 'nestjs-redis-pubsub';

interface Message {
  readonly channel: string;
  readonly data: number;
}

const INTERVAL_MS = 100;

/** A source behind the operator, and what that emits. */
const start = () => {
  const source = new Subject<Message>();
  const events: unknown[] = [];
  const subscription = source.pipe(latestByChannel(INTERVAL_MS)).subscribe({
    next: ({ channel, data }) => events.push(`${channel}${data}`),
    error: (error: unknown) => events.push(error),
    complete: () => events.push('end'),
  });
  const publish = (channel: string, data: number) => source.next({ channel, data });
  return { source, events, subscription, publish };
};

describe('latestByChannel', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('emits the newest message of each channel, in the order of the channels', () => {
    const { events, publish } = start();
    publish('b', 1);
    publish('a', 2);
    publish('b', 3);
    expect(events).toEqual([]);
    vi.advanceTimersByTime(INTERVAL_MS);
    expect(events).toEqual(['b3', 'a2']);
    vi.advanceTimersByTime(10 * INTERVAL_MS);
    expect(events).toEqual(['b3', 'a2']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('emits what waits when the source completes, and not when it fails', () => {
    const [one, other] = [start(), start()];
    one.publish('a', 1);
    one.source.complete();
    expect(one.events).toEqual(['a1', 'end']);
    other.publish('a', 1);
    other.source.error('broken');
    expect(other.events).toEqual(['broken']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('emits nothing after an unsubscribe, also where that is the answer to a message', () => {
    const { source, events, subscription, publish } = start();
    const first: Message[] = [];
    source.pipe(latestByChannel(INTERVAL_MS), take(1)).subscribe((it) => first.push(it));
    publish('a', 1);
    publish('b', 2);
    subscription.unsubscribe();
    vi.advanceTimersByTime(INTERVAL_MS);
    expect(events).toEqual([]);
    expect(first).toEqual([{ channel: 'a', data: 1 }]);
    expect([source.observed, vi.getTimerCount()]).toEqual([false, 0]);
  });

  it.each([0, -1, 1.5, Number.NaN, '100'])('refuses an interval of %s', (interval) => {
    expect(() => latestByChannel(interval as number)).toThrow(InvalidOptionError);
  });

  it('emits at most one message of a channel in an interval, and each last one within it', () => {
    const step = fc.record({ channel: fc.constantFrom('a', 'b', 'c'), wait: fc.nat(250) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const source = new Subject<Message>();
        const emitted: (Message & { readonly at: number })[] = [];
        const stop = source
          .pipe(latestByChannel(INTERVAL_MS))
          .subscribe((it) => emitted.push({ ...it, at: Date.now() }));
        const last = new Map<string, { data: number; at: number }>();
        for (const [data, { channel, wait }] of steps.entries()) {
          source.next({ channel, data });
          last.set(channel, { data, at: Date.now() });
          vi.advanceTimersByTime(wait);
        }
        vi.advanceTimersByTime(INTERVAL_MS);
        stop.unsubscribe();
        for (const [channel, { data, at }] of last) {
          const mine = emitted.filter((it) => it.channel === channel);
          expect(mine.at(-1)?.data).toBe(data);
          expect((mine.at(-1)?.at ?? 0) - at).toBeLessThanOrEqual(INTERVAL_MS);
          const pauses = mine.slice(1).map((it, i) => it.at - (mine[i]?.at ?? 0));
          expect(Math.min(INTERVAL_MS, ...pauses)).toBe(INTERVAL_MS);
        }
      }),
    );
  });
});
