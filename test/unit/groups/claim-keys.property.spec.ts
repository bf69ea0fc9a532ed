import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClaimKeys } from '../../../src/groups/claim-keys.js';
import { MessageIds } from '../../../src/transport/message-ids.js';
import type { IncomingMessage, MessageCodec } from '../../../src/codec/codec.js';

const START = 'shop:_pubsub.claim.billing.';
const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const number = fc.integer({ min: 1, max: 999_999_999_999_999 });
const stream = fc.stringMatching(/^[\w-]{8}\.[0-9a-z]{1,7}$/);
const ofOurs = fc.tuple(stream, number).map(([it, n]) => `${it}-${n}`);
const ofOthers = fc.stringMatching(/^[!-~]{1,100}$/);
const message: fc.Arbitrary<IncomingMessage> = fc.record(
  {
    data: fc.constant(1),
    messageId: fc.oneof(ofOurs, ofOthers),
    id: fc.oneof(text, fc.integer()),
    replyTo: text,
  },
  { requiredKeys: ['data', 'messageId'] },
);

const place = (channel: string, it: IncomingMessage): string => {
  const claim = new ClaimKeys(START).of(channel, it);
  return `${claim?.key} ${claim?.bit}`;
};

describe('the key of a claim', () => {
  it('is the same in each process, short, and without text of a publisher', () => {
    fc.assert(
      fc.property(text, message, (channel, it) => {
        const known = new ClaimKeys(START);
        const claim = known.of(channel, it);
        expect(known.of(channel, { ...it })).toEqual(claim);
        expect(place(channel, it)).toBe(`${claim?.key} ${claim?.bit}`);
        expect(claim?.key).toMatch(/^shop:_pubsub\.claim\.billing\.[\w-]{22}(\.\d{1,12})?$/);
        expect(claim?.bit ?? 0).toBeLessThan(8_192);
      }),
    );
  });

  it('is another one for each other message, channel and request', () => {
    fc.assert(
      fc.property(text, text, message, message, (one, other, a, b) => {
        fc.pre(a.messageId !== b.messageId);
        expect(place(one, a)).not.toBe(place(one, b));
        const isElsewhere = place(one, a) !== place(other, a);
        expect(isElsewhere).toBe(one !== other);
      }),
    );
  });

  it('is that of the request where there is no message id, and there is none for an event', () => {
    const keys = new ClaimKeys(START);
    const request = { data: 1, id: 7, replyTo: '_pubsub.inbox.a' };
    const places = [
      request,
      { ...request, id: 8 },
      { ...request, replyTo: '_pubsub.inbox.b' },
      { data: 1, id: '7' },
      { data: 1, messageId: '7' },
    ].map((it) => keys.of('user.get', it)?.key);
    expect(new Set(places).size).toBe(places.length);
    expect(keys.of('user.get', { ...request })?.key).toBe(places[0]);
    expect(keys.of('user.get', { data: 1 })).toBeUndefined();
    expect(keys.of('user.get', { data: 1, replyTo: 'a' })).toBeUndefined();
  });

  it('is one for 8,192 messages in a row of our own publishers', () => {
    const ids = new MessageIds();
    const keys = new ClaimKeys(START);
    const codec = {
      begin: () => undefined,
      encode: (_: unknown, id: string) => id,
    } as unknown as MessageCodec;
    const found = new Map<string, Set<number>>();
    for (let i = 0; i < 20_000; i++) {
      const messageId = String(ids.encode(codec, 'a', 'channel', { pattern: 'a', data: 1 }));
      ids.use();
      const { key = '', bit = -1 } = keys.of('a', { data: 1, messageId }) ?? {};
      found.set(key, (found.get(key) ?? new Set()).add(bit));
    }
    expect([...found.values()].map(({ size }) => size)).toEqual([8_191, 8_192, 3_617]);
  });
});
