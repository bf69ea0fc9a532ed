import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentChannels } from '../../../src/introspection/recent-channels.js';

describe('RecentChannels', () => {
  it('counts the messages of each channel and kind, the most first', () => {
    const recent = new RecentChannels();
    recent.add('a', 'channel', 1_000);
    recent.add('b', 'channel', 1_001);
    recent.add('b', 'channel', 1_002);
    recent.add('b', 'shard', 1_003);
    recent.add('b', 'channel', 25_000);
    expect(recent.list(25_000)).toEqual({
      channels: [
        { name: 'b', kind: 'channel', count: 3, lastAt: 25_000 },
        { name: 'a', kind: 'channel', count: 1, lastAt: 1_000 },
        { name: 'b', kind: 'shard', count: 1, lastAt: 1_003 },
      ],
      hasMore: false,
    });
  });

  it('remembers a message for a minute, and forgets it ten seconds later', () => {
    const recent = new RecentChannels();
    recent.add('a', 'channel', 0);
    recent.add('a', 'channel', 9_999);
    expect(recent.list(69_999).channels).toHaveLength(1);
    expect(recent.list(70_000).channels).toEqual([]);
  });

  it('says when there were more channels than it remembers, until these are forgotten', () => {
    const recent = new RecentChannels(2);
    for (const name of ['a', 'b', 'c', 'a']) recent.add(name, 'channel', 0);
    expect(recent.list(0)).toEqual({
      channels: [
        { name: 'a', kind: 'channel', count: 2, lastAt: 0 },
        { name: 'b', kind: 'channel', count: 1, lastAt: 0 },
      ],
      hasMore: true,
    });
    recent.add('d', 'channel', 69_000);
    expect(recent.list(70_000)).toMatchObject({ channels: [{ name: 'd' }], hasMore: false });
  });

  it('forgets what is of the future when the clock is set back', () => {
    const recent = new RecentChannels();
    recent.add('a', 'channel', 1_000_000);
    recent.add('b', 'channel', 0);
    expect(recent.list(0).channels.map(({ name }) => name)).toEqual(['b']);
  });

  it('counts as a list of all messages does, while it has room', () => {
    const message = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      afterMs: fc.integer({ min: 0, max: 30_000 }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 50 }), (messages) => {
        const recent = new RecentChannels();
        const times: [name: string, at: number][] = [];
        let now = 0;
        for (const { name, afterMs } of messages) {
          now += afterMs;
          recent.add(name, 'channel', now);
          times.push([name, now]);
        }
        const { channels } = recent.list(now);
        for (const name of ['a', 'b', 'c']) {
          const count = channels.find((it) => it.name === name)?.count ?? 0;
          const within = (ms: number) =>
            times.filter(([of, at]) => of === name && now - at < ms).length;
          expect(count).toBeGreaterThanOrEqual(within(60_000));
          expect(count).toBeLessThanOrEqual(within(70_000));
        }
      }),
    );
  });
});
