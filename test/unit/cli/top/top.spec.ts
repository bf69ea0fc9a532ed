import { describe, expect, it } from 'vitest';
import type { HandlerStats, InstanceStats } from '../../../../src/introspection/instance-types.js';
import { frameOf, maxScroll } from '../../../../src/cli/top/frame.js';
import { FIRST_VIEW, viewAfter } from '../../../../src/cli/top/keys.js';
import { contentOf } from '../../../../src/cli/top/content.js';
import { countText, durationText, rateText } from '../../../../src/cli/top/numbers.js';
import type { Snapshot } from '../../../../src/cli/top/snapshot.js';

const handler = (pattern: string, received: number): HandlerStats => ({
  pattern,
  kind: 'event',
  subscription: 'pattern',
  received,
  handled: received,
  failed: 2,
  dropped: 0,
  waiting: 3,
  running: 1,
  gaps: 0,
});

const instance = (id: string, handlers: HandlerStats[], published = 0): InstanceStats => ({
  id,
  name: 'orders',
  version: '1.0.0',
  status: 'connected',
  since: new Date(0),
  startedAt: new Date(0),
  reconnects: 0,
  published,
  lost: 0,
  gaps: 0,
  dropped: 0,
  subscriptions: 4,
  observers: 0,
  handlers,
});

const snapshot = (atMs: number, instances: InstanceStats[]): Snapshot => ({
  atMs,
  instances,
  missing: [],
  silent: 0,
  channels: [],
  totalChannels: 0,
  unheard: [],
  drift: [],
  failures: [],
});

const CHOICES = { tables: 4, maxScroll: 10, page: 5 };
const press = (view = FIRST_VIEW, ...keys: { text?: string; name?: string; ctrl?: boolean }[]) =>
  keys.reduce<typeof view | undefined>((it, key) => it && viewAfter(it, key, CHOICES), view);

describe('top', () => {
  it('adds up what the instances of a service do, with rates', () => {
    const before = snapshot(0, [
      instance('a', [handler('order.*', 10)], 5),
      instance('b', [handler('order.*', 0)], 0),
    ]);
    const now = snapshot(2_000, [
      instance('a', [handler('order.*', 30)], 9),
      instance('b', [handler('order.*', 40)], 0),
    ]);
    const { summary, tables } = contentOf(before, now, '');
    expect(tables[0]?.rows).toEqual([
      ['orders', 'order.*', 'event', '30', '4', '6', '2', '0', '0'],
    ]);
    expect(summary).toBe(
      '2 instances  in 30/s  out 2.0/s  failed 4  queue 6  lost 0  gaps 0  problems 0',
    );
  });

  it('knows no rate of the first snapshot, and none of an instance that is new', () => {
    const first = snapshot(0, [instance('a', [handler('x', 10)])]);
    expect(contentOf(undefined, first, '').tables[0]?.rows[0]?.[3]).toBe('-');
    const second = snapshot(1_000, [instance('b', [handler('x', 10)])]);
    expect(contentOf(first, second, '').tables[0]?.rows[0]?.[3]).toBe('-');
  });

  it('lists what is wrong', () => {
    const now: Snapshot = {
      ...snapshot(0, [{ ...instance('a', []), status: 'starving' }]),
      missing: [{ id: 'gone-1', name: 'billing', version: '1' }],
      silent: 2,
      unheard: [
        {
          channel: 'paid',
          kind: 'channel',
          messages: 3,
          lastAt: new Date(0),
          publishers: ['shop'],
          isCertain: false,
        },
      ],
      drift: [
        {
          name: 'orders',
          subject: 'version',
          variants: [
            { value: '1.0', instances: ['a', 'b'] },
            { value: '2.0', instances: ['c'] },
          ],
        },
      ],
      failures: ['channels: NOPERM'],
    };
    expect(contentOf(undefined, now, '').tables[3]?.rows).toEqual([
      ['starving', 'orders', 'a'],
      ['not asked', '', 'channels: NOPERM'],
      ['gone', 'billing', 'gone-1'],
      ['silent', '', '2 instances have not answered'],
      ['unheard?', 'shop', '3 messages on paid'],
      ['drift', 'orders', 'version: 1.0 (2); 2.0 (1)'],
    ]);
  });

  it('shows the whole head of each table in 80 columns', () => {
    const long = 'x'.repeat(100);
    const now = snapshot(0, [{ ...instance(long, [handler(long, 1)]), name: long }]);
    const content = contentOf(undefined, now, 'top');
    for (const [table, { columns }] of content.tables.entries()) {
      const lines = frameOf(content, { ...FIRST_VIEW, table }, { columns: 80, rows: 24 }, false);
      for (const { title } of columns) expect(lines[3]).toContain(title);
    }
  });

  it('scrolls no further than its rows', () => {
    const rows = Array.from({ length: 30 }, (_, i) => [String(i)]);
    const table = { title: '', columns: [], rows, empty: '' };
    expect(maxScroll(table, { columns: 80, rows: 24 })).toBe(11);
    expect(maxScroll(undefined, { columns: 80, rows: 24 })).toBe(0);
  });

  it('follows the keys', () => {
    expect(press(FIRST_VIEW, { name: 'right' }, { name: 'tab' })?.table).toBe(2);
    expect(press(FIRST_VIEW, { name: 'left' })?.table).toBe(3);
    expect(press(FIRST_VIEW, { name: 'pagedown' }, { name: 'down' })?.scroll).toBe(6);
    expect(press(FIRST_VIEW, { name: 'end' }, { name: 'down' })?.scroll).toBe(10);
    expect(press(FIRST_VIEW, { name: 'up' })?.scroll).toBe(0);
    expect(press(FIRST_VIEW, { text: 'q' })).toBeUndefined();
    expect(press(FIRST_VIEW, { name: 'c', ctrl: true })).toBeUndefined();
    expect(press(FIRST_VIEW, { text: 'x' })).toEqual(FIRST_VIEW);
  });

  it('takes a filter, in which q is a letter', () => {
    const typed = press(FIRST_VIEW, { text: '/' }, { text: 'q' }, { text: 'é' }, { text: '\x07' });
    expect(typed).toMatchObject({ filter: 'qé', isTyping: true });
    expect(press(typed, { name: 'backspace' })?.filter).toBe('q');
    expect(press(typed, { name: 'return' })).toMatchObject({ filter: 'qé', isTyping: false });
    expect(press(typed, { name: 'escape' })).toEqual(FIRST_VIEW);
    expect(press(typed, { name: 'c', ctrl: true })).toBeUndefined();
  });

  it('shows numbers in a few characters', () => {
    expect([0, 9_999, 12_345, 2_000_000, 3e9].map(countText)).toEqual([
      '0',
      '9999',
      '12k',
      '2M',
      '3G',
    ]);
    expect([undefined, 0, 0.25, 12].map(rateText)).toEqual(['-', '0', '0.3', '12']);
    expect([0, 61_000, 7_200_000, 2e8].map(durationText)).toEqual(['0s', '1m', '2h', '2d']);
  });
});
