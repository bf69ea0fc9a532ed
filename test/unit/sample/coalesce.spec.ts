import { describe, expect, it } from 'vitest';
import { coalesce } from '../../../sample/notifications/gateway/page/coalesce.js';

/** A coalesced load. Each entry of `ends` is a load that has started; calling it ends the load. */
function loading() {
  const ends: (() => void)[] = [];
  const load = coalesce(() => new Promise<void>((end) => ends.push(end)));
  return { ends, load };
}

describe('coalesce', () => {
  it('loads at once', () => {
    const { ends, load } = loading();
    void load();
    expect(ends).toHaveLength(1);
  });

  it('loads once more for all calls during a load', async () => {
    const { ends, load } = loading();
    const all = load();
    void load();
    void load();
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await expect.poll(() => ends.length).toBe(2);
    ends[1]?.();
    await all;
    expect(ends).toHaveLength(2);
  });

  it('loads again after a load has ended', async () => {
    const { ends, load } = loading();
    const first = load();
    ends[0]?.();
    await first;
    void load();
    expect(ends).toHaveLength(2);
  });
});
