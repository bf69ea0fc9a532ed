import { assert, constantFrom, property, record, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatChoice, parseChoice } from '../../../../src/inspector/page/choice.js';

const text = string({ unit: 'grapheme' });
const choice = record({
  filter: text,
  transport: text,
  channel: text,
  kind: constantFrom('channel', 'shard'),
});

describe('the choice of a reader', () => {
  it('survives a reload', () => {
    assert(
      property(choice, (it) => {
        const kind = it.channel === '' ? 'channel' : it.kind;
        expect(parseChoice(`#${formatChoice(it)}`)).toEqual({ ...it, kind });
      }),
    );
  });

  it('is empty for another address', () => {
    const none = { filter: '', transport: '', channel: '', kind: 'channel' };
    for (const hash of ['', '#', '#main', '#kind=x&other=1']) {
      expect(parseChoice(hash)).toEqual(none);
    }
    expect(formatChoice(parseChoice(''))).toBe('');
  });
});
