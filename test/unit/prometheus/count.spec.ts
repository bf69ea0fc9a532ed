import { describe, expect, it } from 'vitest';
import { Count } from '../../../src/prometheus/count.js';

describe('Count', () => {
  it('counts by both labels', () => {
    const count = new Count('channel');
    count.add('shop', 'a');
    count.add('shop', 'a', 2.5);
    count.add('shop', 'b');
    count.add('mail', 'a', 0);
    expect(count.read()).toEqual([
      { labels: { transport: 'shop', channel: 'a' }, value: 3.5 },
      { labels: { transport: 'shop', channel: 'b' }, value: 1 },
      { labels: { transport: 'mail', channel: 'a' }, value: 0 },
    ]);
    count.reset();
    expect(count.read()).toEqual([]);
  });

  it('has one label if there is no other', () => {
    const count = new Count();
    count.add('shop', '', 2);
    expect(count.read()).toEqual([{ labels: { transport: 'shop' }, value: 2 }]);
  });
});
