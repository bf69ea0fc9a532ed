import { describe, expect, it } from 'vitest';
import {
  sizeOf,
  UnconfirmedMessages,
} from '../../../../src/broker/publishing/unconfirmed-messages.js';

describe('UnconfirmedMessages', () => {
  const limits = { maxMessages: 2, maxBytes: 10 };

  it('has room up to its number of messages', () => {
    const unconfirmed = new UnconfirmedMessages(limits);
    unconfirmed.add(1);
    expect(unconfirmed.isTooMany(1)).toBe(false);
    unconfirmed.add(1);
    expect(unconfirmed.isTooMany(1)).toBe(true);
    unconfirmed.remove(1);
    expect(unconfirmed.isTooMany(1)).toBe(false);
  });

  it('has room up to its number of bytes', () => {
    const unconfirmed = new UnconfirmedMessages(limits);
    unconfirmed.add(6);
    expect([4, 5].map((bytes) => unconfirmed.isTooMany(bytes))).toEqual([false, true]);
    unconfirmed.remove(6);
    expect(unconfirmed.isTooMany(5)).toBe(false);
  });

  it('has room for a message of any size that is alone', () => {
    expect(new UnconfirmedMessages(limits).isTooMany(11)).toBe(false);
  });

  it('has no limit unless one is given', () => {
    const unconfirmed = new UnconfirmedMessages();
    unconfirmed.add(1e12);
    expect(unconfirmed.isTooMany(1e12)).toBe(false);
  });

  it('says what waits, and not what it contains', () => {
    const unconfirmed = new UnconfirmedMessages(limits);
    unconfirmed.add(7);
    expect(unconfirmed.errorFor('news').message).toBe(
      'Cannot publish to "news": Redis has not confirmed 1 messages of 7 bytes yet',
    );
  });
});

describe('sizeOf', () => {
  it.each([
    ['héllo', 5],
    [Buffer.from('héllo'), 6],
    ['', 0],
  ])('of %o is %i', (payload, size) => {
    expect(sizeOf(payload)).toBe(size);
  });
});
