import { describe, expect, it } from 'vitest';
import { coalesce } from '../../../sample/notifications/gateway/page/coalesce.js';

/** Something to load that ends when told, and counts how often it began. */
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

  it('makes one more call of all that came while one was running', async () => {
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

  it('loads again after it has ended', async () => {
    const { ends, load } = loading();
    const first = load();
    ends[0]?.();
    await first;
    void load();
    expect(ends).toHaveLength(2);
  });
});
