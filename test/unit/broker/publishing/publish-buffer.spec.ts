import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PublishBuffer, type Outgoing } from '../../../../src/broker/publishing/publish-buffer.js';
import { ConnectionError } from '../../../../src/errors.js';
import { outcomeOf, pass, useFakeClock, useRealClock } from '../fake-client.js';

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

const textOf = (payload: string | Uint8Array): Outgoing => ({
  channel: 'news',
  payload,
  kind: 'channel',
});

describe('PublishBuffer', () => {
  beforeEach(useFakeClock);
  afterEach(useRealClock);

  it('holds no more bytes than it may', async () => {
    const buffer = new PublishBuffer({ maxMessages: 100, maxAge: 1_000, maxBytes: 10 });
    const [six, five, four] = [6, 5, 4].map((length) =>
      outcomeOf(buffer.add(textOf(Buffer.alloc(length)))),
    );
    await pass(0);
    expect([six?.value, five?.value, four?.value]).toEqual([
      undefined,
      new ConnectionError(
        'Cannot publish to "news": not connected to Redis (its 5 bytes are too many beside 6 that wait already)',
      ),
      undefined,
    ]);
  });

  it.each<[string, (buffer: PublishBuffer) => Promise<void>]>([
    ['sent', async (buffer) => buffer.flush(() => Promise.resolve(1))],
    ['failed', async (buffer) => buffer.fail(new Error('closed'))],
    ['too old', () => pass(1_000)],
  ])('has room again when its messages are %s', async (_, empty) => {
    const buffer = new PublishBuffer({ maxMessages: 100, maxAge: 1_000, maxBytes: 10 });
    outcomeOf(buffer.add(textOf('x'.repeat(10))));
    await empty(buffer);
    const next = outcomeOf(buffer.add(textOf('x'.repeat(10))));
    await pass(0);
    expect(next.value).toBeUndefined();
    buffer.fail(new Error('closed'));
  });

  it('keeps its messages for longer when the process was busy at their limit', async () => {
    const buffer = new PublishBuffer({ maxMessages: 100, maxAge: 1_000 });
    const waiting = outcomeOf(buffer.add(textOf('x')));
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 1_600);
    await pass(1_000);
    clock.mockRestore();
    await pass(590);
    expect(waiting.value).toBeUndefined();
    await pass(10);
    expect(waiting.value).toBeInstanceOf(ConnectionError);
  });
});
