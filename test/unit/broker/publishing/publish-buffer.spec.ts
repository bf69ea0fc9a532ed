import { describe, expect, it } from 'vitest';
import { PublishBuffer, type Outgoing } from '../../../../src/broker/publishing/publish-buffer.js';

const message = (slot: number): Outgoing => ({
  channel: `of.${slot}`,
  payload: '',
  kind: 'shard',
  slot,
});

const held = (buffer: PublishBuffer): number[] => [1, 2, 3].filter((slot) => buffer.hasSlot(slot));

const bufferOf = (maxAge: number, ...slots: number[]) => {
  const buffer = new PublishBuffer({ maxMessages: 3, maxAge });
  const outcomes = slots.map((slot) => buffer.add(message(slot)));
  return { buffer, outcomes: Promise.allSettled(outcomes) };
};

describe('PublishBuffer#hasSlot', () => {
  it('is true for the slots of waiting messages', async () => {
    const { buffer, outcomes } = bufferOf(60_000, 1, 1, 2, 3);
    // The buffer has room for three messages, so that it rejects the fourth.
    expect(held(buffer)).toEqual([1, 2]);
    const sent: string[] = [];
    const send = ({ channel }: Outgoing): Promise<number> => {
      sent.push(channel);
      // The first message of the slot is sent, the second one returns to the buffer.
      return sent.length === 1 ? Promise.resolve(0) : buffer.add(message(3));
    };
    buffer.flush(send, ({ slot }) => slot === 2);
    expect(sent).toEqual(['of.1', 'of.1']);
    expect(held(buffer)).toEqual([2, 3]);
    buffer.fail(new Error('closed'));
    expect(held(buffer)).toEqual([]);
    expect((await outcomes).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
    ]);
  });

  it('is false when the messages of the slot are too old', async () => {
    const { buffer, outcomes } = bufferOf(1, 1, 2, 2);
    expect(held(buffer)).toEqual([1, 2]);
    expect((await outcomes).map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    expect(held(buffer)).toEqual([]);
  });
});
