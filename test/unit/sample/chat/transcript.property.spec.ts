import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  append,
  emptyTranscript,
  lastId,
  load,
  prepend,
} from '../../../../sample/chat/page/transcript.js';
import type { Message, Transcript } from '../../../../sample/chat/page/types.js';

const message = (id: number): Message => ({
  id,
  authorId: 'alice',
  text: `${id}`,
  at: id,
  key: `${id}`,
});
/** The messages with these ids, the last one included. */
const range = (from: number, to: number): Message[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => message(from + i));
const idsOf = ({ messages }: Transcript): number[] => messages.map(({ id }) => id);

/** What a node may send at any time: a page from anywhere, one message, earlier ones. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('append' as const), from: fc.nat(60), size: fc.nat(20) }),
  fc.record({ kind: fc.constant('prepend' as const), from: fc.nat(60), size: fc.nat(20) }),
  fc.record({ kind: fc.constant('load' as const), from: fc.nat(60), size: fc.nat(20) }),
);

describe('a transcript', () => {
  it('has no hole and no message twice, in any order of answers and events', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let transcript: Transcript = emptyTranscript;
        for (const { kind, from, size } of steps) {
          const messages = range(from + 1, from + size);
          if (kind === 'load') transcript = load(messages);
          else transcript = (kind === 'append' ? append : prepend)(transcript, messages);
          const ids = idsOf(transcript);
          expect(ids).toEqual(ids.map((_, i) => (ids[0] ?? 0) + i));
        }
      }),
    );
  });

  it('has all messages when each page that is read begins after its last one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(100), { maxLength: 30 }),
        fc.integer({ min: 0, max: 100 }),
        (arrivals, newest) => {
          let transcript: Transcript = load([]);
          for (const id of arrivals) transcript = append(transcript, [message(id)]);
          while (lastId(transcript) < newest) {
            const after = lastId(transcript);
            transcript = append(transcript, range(after + 1, Math.min(newest, after + 50)));
          }
          expect(idsOf(transcript)).toEqual(range(1, lastId(transcript)).map(({ id }) => id));
        },
      ),
    );
  });

  it('does not begin with a message that arrives before it is loaded', () => {
    expect(append(emptyTranscript, [message(1)])).toBe(emptyTranscript);
  });

  it('is the same object when nothing is new', () => {
    const transcript = load(range(1, 3));
    expect(append(transcript, range(1, 3))).toBe(transcript);
    expect(append(transcript, [message(5)])).toBe(transcript);
  });

  it('has earlier messages while a full page comes, and the first is not 1', () => {
    expect(load(range(51, 100)).hasEarlier).toBe(true);
    expect(load(range(52, 100)).hasEarlier).toBe(false);
    expect(load(range(1, 50)).hasEarlier).toBe(false);
    const loaded = load(range(101, 150));
    expect(prepend(loaded, range(51, 100)).hasEarlier).toBe(true);
    expect(prepend(loaded, range(61, 100)).hasEarlier).toBe(false);
    expect(idsOf(prepend(prepend(loaded, range(51, 100)), range(1, 50)))).toHaveLength(150);
  });
});
