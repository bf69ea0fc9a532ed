import { describe, expect, it } from 'vitest';
import { HandlerDurations } from '../../../src/prometheus/handler-durations.js';

describe('HandlerDurations', () => {
  it('tells transports and patterns apart', () => {
    const durations = new HandlerDurations([1]);
    durations.add('shop', 'a', 0, false);
    durations.add('shop', 'b', 0, false);
    durations.add('mail', 'a', 0, true);
    const all = durations
      .readHandled()
      .map(({ labels, value }) => [...Object.values(labels), value]);
    expect(all).toEqual([
      ['shop', 'a', 'ok', 1],
      ['shop', 'a', 'error', 0],
      ['shop', 'b', 'ok', 1],
      ['shop', 'b', 'error', 0],
      ['mail', 'a', 'ok', 0],
      ['mail', 'a', 'error', 1],
    ]);
  });

  it('has what was declared, with 0', () => {
    const durations = new HandlerDurations([1]);
    durations.declare('shop', 'a');
    expect(durations.readHandled().map(({ value }) => value)).toEqual([0, 0]);
    expect(durations.readHistogram('d').map(({ value }) => value)).toEqual([0, 0, 0, 0]);
    durations.add('shop', 'a', 0.5, false);
    durations.declare('shop', 'a');
    expect(durations.readHandled().map(({ value }) => value)).toEqual([1, 0]);
  });

  it('keeps its counts with the same buckets, and begins again with others', () => {
    const durations = new HandlerDurations([1, 2]);
    durations.add('shop', 'a', 0, false);
    durations.setBuckets([1, 2]);
    expect(durations.readHandled()[0]?.value).toBe(1);
    durations.setBuckets([1, 3]);
    expect(durations.readHandled()).toEqual([]);
    durations.add('shop', 'a', 2.5, false);
    expect(durations.readHistogram('d').map(({ value }) => value)).toEqual([0, 1, 1, 2.5, 1]);
  });
});
