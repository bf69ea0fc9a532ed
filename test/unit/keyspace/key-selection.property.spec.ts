import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchTokens, parseGlob, toByteString } from '../../../src/channel/glob.js';
import {
  byteText,
  KeySelection,
  startOf,
  type ByteText,
  type KeySelectionOptions,
} from '../../../src/keyspace/key-selection.js';

/** Keys of any bytes, most of them near the texts of the patterns. */
const bytes = fc.oneof(
  fc.uint8Array({ minLength: 0, maxLength: 12 }).map((it) => Buffer.from(it)),
  fc
    .string({ unit: fc.constantFrom('a', 'b', ':', '.', '\n', 'é', '*', '?'), maxLength: 8 })
    .map((it) => Buffer.from(it)),
);
const word = fc.string({ unit: fc.constantFrom('a', 'b', ':', 'é'), minLength: 1, maxLength: 5 });
const glob = fc
  .array(fc.oneof(word, fc.constantFrom('*', '?', '[ab]', '[^a]', '\\*')), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(''))
  // `:a` at the start of a segment would be a parameter.
  .map((text) => text.replaceAll(':', '\\:'));
const database = fc.nat(20);
const event = fc.constantFrom('set', 'del', 'expired', 'xgroup-create');

/** What a message has: text for the most part of it, and bytes where text does not say all. */
const textOf = (value: Buffer): ByteText => byteText(value.toString(), () => value);

/** What a subscriber makes of a message of Redis, as far as the selection is for it. */
function receive(selection: KeySelection, name: Buffer, payload: Buffer) {
  const read = selection.read(name.toString(), () => name, textOf(payload));
  const params = read && selection.match(read);
  return params && { ...read, params };
}

/** Whether Redis delivers what is published to `name`. */
function isDelivered({ key: { kind, name: wanted } }: KeySelection, name: Buffer): boolean {
  const text = name.toString('latin1');
  return kind === 'channel'
    ? toByteString(wanted) === text
    : matchTokens(parseGlob(wanted), text) !== undefined;
}

const bytesOf = (it: ByteText | undefined): string =>
  (it?.bytes ?? Buffer.from(it?.text ?? '')).toString('hex');

const partsOf = (received: ReturnType<typeof receive>): string[] =>
  received ? [bytesOf(received.key), received.event] : [];

describe('a selection of keys', () => {
  it('by an event subscribes to one literal channel, and reads each key that the glob matches', () => {
    fc.assert(
      fc.property(glob, event, database, bytes, (pattern, name, db, key) => {
        const selection = new KeySelection({ by: 'event', event: name, pattern, database: db });
        expect(selection.key).toEqual({
          kind: 'channel',
          name: `__keyevent@${db}__:${name}`,
          atMasters: true,
        });
        const received = receive(selection, Buffer.from(selection.key.name), key);
        const isMatched = matchTokens(parseGlob(pattern), key.toString('latin1')) !== undefined;
        expect(received !== undefined).toBe(isMatched);
        expect(partsOf(received)).toEqual(isMatched ? [key.toString('hex'), name] : []);
      }),
      { numRuns: 2_000 },
    );
  });

  it('by a key is delivered each key that the glob matches, and no other', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          glob,
          word.map((it) => it.replaceAll(':', '\\:')),
        ),
        event,
        database,
        bytes,
        (pattern, name, db, key) => {
          const selection = new KeySelection({ by: 'key', pattern, database: db });
          const channel = Buffer.concat([Buffer.from(startOf('keyspace', db)), key]);
          const isMatched = matchTokens(parseGlob(pattern), key.toString('latin1')) !== undefined;
          expect(isDelivered(selection, channel)).toBe(isMatched);
          const received = receive(selection, channel, Buffer.from(name));
          expect(received !== undefined).toBe(isMatched);
          expect(partsOf(received)).toEqual(isMatched ? [key.toString('hex'), name] : []);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('by a field is delivered each field that both globs match, and reads no other', () => {
    const literal = word.map((it) => it.replaceAll(':', '\\:'));
    const either = fc.oneof(glob, literal);
    // Redis sends nothing for a key with a line end.
    const key = bytes.map((it) => Buffer.from(it.filter((byte) => byte !== 10)));
    fc.assert(
      fc.property(either, either, key, bytes, (pattern, field, ofKey, ofField) => {
        const selection = new KeySelection({ by: 'field', pattern, field });
        const start = Buffer.from(startOf('subkeyspaceitem', 0));
        const channel = Buffer.concat([start, ofKey, Buffer.from('\n'), ofField]);
        const isMatched =
          matchTokens(parseGlob(pattern), ofKey.toString('latin1')) !== undefined &&
          matchTokens(parseGlob(field), ofField.toString('latin1')) !== undefined;
        // A glob may match across the line end: the rest is compared here.
        expect(isDelivered(selection, channel) || !isMatched).toBe(true);
        const received = receive(selection, channel, Buffer.from('hset'));
        expect(received !== undefined).toBe(isMatched);
        const both = [ofKey.toString('hex'), ofField.toString('hex')];
        expect(received ? [bytesOf(received.key), bytesOf(received.field)] : []).toEqual(
          isMatched ? both : [],
        );
      }),
      { numRuns: 3_000 },
    );
  });

  it('has the values of parameters, which are whole segments', () => {
    const segment = fc.string({
      unit: fc.constantFrom('a', 'b', '-', 'é', '*'),
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(segment, segment, (id, tab) => {
        const selection = new KeySelection({ by: 'key', pattern: 'user::id.:tab' });
        const channel = Buffer.from(`__keyspace@0__:user:${id}.${tab}`);
        expect(receive(selection, channel, Buffer.from('set'))?.params).toEqual({ id, tab });
        const longer = Buffer.from(`__keyspace@0__:user:${id}.${tab}.x`);
        expect(isDelivered(selection, longer)).toBe(true);
        expect(receive(selection, longer, Buffer.from('set'))).toBeUndefined();
      }),
    );
  });

  it.each<[Partial<KeySelectionOptions>, string]>([
    [{ pattern: 1 }, 'Expected "pattern" to be a key or a pattern of keys, got 1'],
    [{ pattern: '' }, 'Expected "pattern" to be a key or a pattern of keys, got ""'],
    [{ pattern: '\ud800' }, 'a lone surrogate'],
    [{ pattern: ':a.:a' }, 'distinct parameters'],
    [{ database: '0' }, 'Expected "database" to be the number of a database, from 0, got "0"'],
    [{ database: -1 }, 'from 0, got -1'],
    [{ by: 'key', events: 'set' }, 'an array of events, such as ["set", "del"], got "set"'],
    [{ by: 'key', events: ['set', '*'] }, 'the name of an event, such as "expired", got "*"'],
    [{ by: 'event', event: undefined }, 'the name of an event, such as "expired", got undefined'],
    [{ by: 'field', field: '' }, 'Expected "field" to be the name or the glob of a field, got ""'],
  ])('refuses %o', (wrong, message) => {
    const options = { by: 'key', pattern: 'a', ...wrong } as KeySelectionOptions;
    expect(() => new KeySelection(options)).toThrow(message);
  });
});
