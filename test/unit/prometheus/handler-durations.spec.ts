import { describe, expect, it } from 'vitest';
import { HandlerDurations } from '../../../src/prometheus/handler-durations.js';

describe('HandlerDurations', () => {
  it('tells transports and patterns apart', () => {
    const durations = new HandlerDurations([1]);
    durations.add('shop', 'a', 0, false);
    durations.add('shop', 'b', 0, false);
    durations.add('mail', 'a', 0, true);
    expect(durations.readHandled()).toEqual([
      { labels: { transport: 'shop', pattern: 'a', status: 'ok' }, value: 1 },
      { labels: { transport: 'shop', pattern: 'b', status: 'ok' }, value: 1 },
      { labels: { transport: 'mail', pattern: 'a', status: 'error' }, value: 1 },
    ]);
  });

  it('keeps its counts with the same buckets, and begins again with others', () => {
    const durations = new HandlerDurations([1, 2]);
    durations.add('shop', 'a', 0, false);
    durations.setBuckets([1, 2]);
    expect(durations.readHandled()).toHaveLength(1);
    durations.setBuckets([1, 3]);
    expect(durations.readHandled()).toEqual([]);
    durations.add('shop', 'a', 2.5, false);
    expect(durations.readHistogram('d').map(({ value }) => value)).toEqual([0, 1, 1, 2.5, 1]);
  });
});
