import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slotOf } from '../../../src/broker/cluster/slot.js';
import { ChannelLists } from '../../../src/history/channel-lists.js';

const lists = new ChannelLists({ history: undefined, reservedSegment: '_pubsub' });
const part = fc.constantFrom('a', 'b', '{', '}', '{}', '.', '{x}', 'x', 'é');
const names = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));

describe('the key of a list', () => {
  it('is in the slot of its channel, and of no other channel, or is refused', () => {
    const keys = new Map<string, string>();
    let refused = 0;
    fc.assert(
      fc.property(names, fc.constantFrom('channel', 'shard'), (name, kind) => {
        const tag = /^[^{]*\{[^}]+\}/.exec(name);
        const isRefused = !tag && name.includes('}');
        let key: string | undefined;
        try {
          key = lists.keyOf(name, kind);
        } catch {
          refused++;
        }
        expect(key === undefined).toBe(isRefused);
        expect(slotOf(key ?? name)).toBe(slotOf(name));
        const id = `${kind} ${name}`;
        const known = keys.get(key ?? '') ?? id;
        if (key !== undefined) keys.set(key, id);
        expect(known).toBe(id);
      }),
      { numRuns: 2_000 },
    );
    expect(Math.min(keys.size, refused)).toBeGreaterThan(100);
  });
});
