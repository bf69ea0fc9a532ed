import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linesOf } from '../../../../src/cli/top/table.js';
import { fit, safeText, widthOf } from '../../../../src/cli/top/cell.js';
import { frameOf, reportOf } from '../../../../src/cli/top/frame.js';
import { contentOf } from '../../../../src/cli/top/content.js';
import type { Snapshot } from '../../../../src/cli/top/snapshot.js';

/** Text that would act on a terminal, or break its lines. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    '\x1b[2J',
    '\x1b]0;title\x07',
    '\r\n',
    '\x9b31m',
    '\u202e',
    '漢字',
    'é',
    '👩‍👩‍👧',
    '\ud800',
  ),
);

const count = fc.nat({ max: 2_000_000_000 });

const handler = fc.record({
  pattern: hostile,
  kind: fc.constantFrom('event' as const, 'message' as const, 'key' as const),
  subscription: fc.constantFrom('channel' as const, 'pattern' as const),
  received: count,
  handled: count,
  failed: count,
  dropped: count,
  waiting: count,
  running: count,
  gaps: count,
});

const instance = fc.record({
  id: hostile,
  name: hostile,
  version: hostile,
  status: fc.constantFrom('connected' as const, 'starving' as const),
  since: fc.constant(new Date()),
  startedAt: fc.date({ noInvalidDate: true }),
  reconnects: count,
  published: count,
  lost: count,
  gaps: count,
  dropped: count,
  subscriptions: count,
  observers: count,
  handlers: fc.array(handler, { maxLength: 4 }),
});

const snapshot: fc.Arbitrary<Snapshot> = fc.record({
  atMs: count,
  instances: fc.array(instance, { maxLength: 4 }),
  missing: fc.array(fc.record({ id: hostile, name: hostile, version: hostile }), { maxLength: 2 }),
  silent: fc.option(count, { nil: undefined }),
  channels: fc.array(
    fc.record({ channel: hostile, kind: fc.constant('shard' as const), subscribers: count }),
    { maxLength: 4 },
  ),
  totalChannels: count,
  unheard: fc.array(
    fc.record({
      channel: hostile,
      kind: fc.constant('channel' as const),
      messages: count,
      lastAt: fc.constant(new Date()),
      publishers: fc.array(hostile),
      isCertain: fc.boolean(),
    }),
    { maxLength: 2 },
  ),
  drift: fc.array(
    fc.record({
      name: hostile,
      subject: fc.constant('version' as const),
      variants: fc.array(fc.record({ value: hostile, instances: fc.array(hostile) })),
    }),
    { maxLength: 2 },
  ),
  failures: fc.array(hostile, { maxLength: 2 }),
});

const ACTS = /[\p{Cc}\p{Cs}\p{Cf}\u2028\u2029]/u;

describe('what top draws', () => {
  it('has no character that acts on the terminal, and fits into it', () => {
    const size = fc.record({
      columns: fc.integer({ min: 60, max: 200 }),
      rows: fc.integer({ min: 3, max: 50 }),
    });
    const view = fc.record({
      table: fc.nat({ max: 3 }),
      scroll: fc.nat({ max: 5 }),
      filter: fc.constantFrom('', 'a'),
      isTyping: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.tuple(snapshot, snapshot),
        hostile,
        size,
        view,
        ([before, now], heading, area, chosen) => {
          const content = contentOf(before, now, heading);
          const lines = frameOf(content, chosen, area, false);
          expect(lines).toHaveLength(area.rows);
          for (const line of lines) {
            expect(line).not.toMatch(ACTS);
            expect(widthOf(line)).toBeLessThanOrEqual(area.columns);
          }
          for (const line of reportOf(content, 120)) expect(line).not.toMatch(ACTS);
        },
      ),
    );
  });

  it('shows more rows than a call can have arguments', () => {
    const rows = Array.from({ length: 200_000 }, (_, i) => [`row ${i}`]);
    const table = { title: 'Rows', columns: [{ title: 'ROW' }], rows, empty: '' };
    const lines = linesOf(table, 80);
    expect(lines).toHaveLength(200_001);
    expect(lines.at(-1)).toBe('row 199999');
  });

  it('fits text into a width', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 0, max: 40 }), (text, width) => {
        expect(widthOf(fit(safeText(text), width))).toBe(width);
      }),
    );
  });

  it('knows how wide characters are', () => {
    expect(['a', 'é', 'e\u0301', '漢', '👍', ''].map(widthOf)).toEqual([1, 1, 1, 2, 2, 0]);
  });
});
