import * as fc from 'fast-check';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ChannelKind } from '../../../src/channel/subscription-key.js';
import { jsonCodec } from '../../../src/codec/json-codec.js';
import { MAX_BATCH_BYTES, ReplyBatcher } from '../../../src/transport/reply-batcher.js';

const join = (texts: readonly string[]): string => jsonCodec.joinTexts(texts);

const reply = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  value: fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ minLength: 1_000, maxLength: 6_000 }),
  ),
  kind: fc.constantFrom('channel' as const, 'shard' as const),
});
const ticks = fc.array(fc.array(reply, { maxLength: 120 }), { maxLength: 4 });
const limits = fc.constantFrom(Infinity, 10_000, 600, 50);

interface Published {
  readonly name: string;
  readonly text: string;
  readonly kind: ChannelKind;
}

describe('ReplyBatcher', () => {
  it('publishes each reply once, in order, to its channel, in messages within the limit', async () => {
    await fc.assert(
      fc.asyncProperty(ticks, limits, async (all, maxBytes) => {
        const published: Published[] = [];
        const batcher = new ReplyBatcher({
          maxBytes,
          join,
          publish: async (name, text, kind) => published.push({ name, text, kind }),
        });
        const places: number[] = [];
        for (const replies of all) {
          const added = replies.map(({ name, value, kind }) =>
            batcher.add(name, JSON.stringify(value), kind),
          );
          places.push(...(await Promise.all(added)));
          await setImmediate();
        }
        const sent = all.flat();
        for (const name of ['a', 'b', 'c']) {
          const values = published
            .filter((it) => it.name === name)
            .flatMap(({ text, kind }) =>
              [JSON.parse(text) as string | string[]].flat().map((value) => ({ value, kind })),
            );
          expect(values).toEqual(
            sent.filter((it) => it.name === name).map(({ value, kind }) => ({ value, kind })),
          );
        }
        for (const { text } of published) {
          if (!text.startsWith('[')) continue;
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(Math.min(maxBytes, MAX_BATCH_BYTES));
        }
        // Each reply settles with the result of its own message.
        sent.forEach(({ value }, i) => {
          expect(published[(places[i] ?? 0) - 1]?.text).toContain(JSON.stringify(value));
        });
      }),
      { numRuns: 200 },
    );
  });

  it('publishes single replies at once, and waits for the end of a tick after one with several', async () => {
    const published: string[] = [];
    const batcher = new ReplyBatcher({
      maxBytes: Infinity,
      join,
      publish: async (_name, text) => published.push(text),
    });
    /** The messages that one tick publishes at once, and those at its end. */
    const tick = async (...texts: string[]): Promise<{ atOnce: string[]; atEnd: string[] }> => {
      const added = texts.map((text) => batcher.add('a', text, 'channel'));
      const atOnce = published.splice(0);
      await setImmediate();
      await Promise.all(added);
      return { atOnce, atEnd: published.splice(0) };
    };
    expect(await tick('1')).toEqual({ atOnce: ['1'], atEnd: [] });
    expect(await tick('2')).toEqual({ atOnce: ['2'], atEnd: [] });
    expect(await tick('3', '4', '5')).toEqual({ atOnce: ['3'], atEnd: ['[4,5]'] });
    expect(await tick('6', '7')).toEqual({ atOnce: [], atEnd: ['[6,7]'] });
    expect(await tick('8')).toEqual({ atOnce: [], atEnd: ['8'] });
    expect(await tick('9')).toEqual({ atOnce: ['9'], atEnd: [] });
  });

  it('rejects every reply of a message that was not published, and no other', async () => {
    const batcher = new ReplyBatcher({
      maxBytes: Infinity,
      join,
      publish: (name) => (name === 'lost' ? Promise.reject(new Error(name)) : Promise.resolve(1)),
    });
    const outcomes = await Promise.allSettled([
      batcher.add('lost', '1', 'channel'),
      batcher.add('found', '2', 'channel'),
      batcher.add('lost', '3', 'channel'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected']);
  });
});
