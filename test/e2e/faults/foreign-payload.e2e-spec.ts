import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { closeAfterTest, startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { requestHandler } from '../../support/handlers.js';
import { eventually, plain, useRedis } from '../../support/redis.js';

/** Payloads of a publisher without Nest, each with the data that built-in handlers receive. */
const PAYLOADS = [
  [{ id: 'n1', title: 'Hi', data: { a: 1 } }, { a: 1 }],
  [{ title: 'Hi', data: { a: 1 } }, { a: 1 }],
  [{ pattern: 'stripes', colour: 'red' }, undefined],
  [{ pattern: 'stripes', data: 7, id: 'n1' }, 7],
] as const;

/** A request as the built-in client publishes it. Its reply arrives after the replies to earlier messages. */
const requestOn = (channel: string): string =>
  JSON.stringify({ pattern: channel, id: 'real', data: 'last' });

describe('JSON of a publisher without Nest', () => {
  const redis = useRedis();

  /** The ids of the replies that are published on a reply channel from now on. */
  async function repliesOn(channel: string): Promise<unknown[]> {
    const observer = new Redis(plain(redis.port));
    closeAfterTest(async () => observer.disconnect());
    const ids: unknown[] = [];
    observer.on('message', (_: string, text: string) =>
      ids.push((JSON.parse(text) as { id: unknown }).id),
    );
    await observer.subscribe(`${channel}.reply`);
    return ids;
  }

  it.each(PAYLOADS)('is delivered whole and is not answered: %j', async (payload) => {
    const channel = `foreign.ours.${JSON.stringify(payload)}`;
    const received: unknown[] = [];
    // Escaped, because this name contains the special characters of patterns.
    const pattern = channel.replaceAll(/[[\]:*?\\]/g, String.raw`\$&`);
    await startService(
      requestHandler(pattern, (data) => received.push(data)),
      { connection: redis.url },
    );
    const replies = await repliesOn(channel);
    await redis.client.publish(channel, JSON.stringify(payload));
    await redis.client.publish(channel, requestOn(channel));
    await eventually(() => replies.includes('real'));
    expect(received).toEqual([payload, 'last']);
    expect(replies).toEqual(['real']);
  });

  it.each(PAYLOADS)(
    'counter-proof: the built-in transport (Transport.REDIS) delivers only a part: %j',
    async (payload, mangled) => {
      const channel = `foreign.builtin.${JSON.stringify(payload)}`;
      const received: unknown[] = [];
      await startBuiltIn(
        requestHandler(channel, (data) => received.push(data)),
        { port: redis.port },
      );
      await redis.subscribers(channel, 1);
      await redis.client.publish(channel, JSON.stringify(payload));
      await eventually(() => received.length >= 1);
      expect(received).toEqual([mangled]);
    },
  );

  it('counter-proof: the built-in transport (Transport.REDIS) replies to a payload with a key "id"', async () => {
    const channel = 'foreign.answered';
    await startBuiltIn(
      requestHandler(channel, () => 'answer'),
      { port: redis.port },
    );
    await redis.subscribers(channel, 1);
    const replies = await repliesOn(channel);
    await redis.client.publish(channel, JSON.stringify(PAYLOADS[0][0]));
    await redis.client.publish(channel, requestOn(channel));
    await eventually(() => replies.includes('real'));
    expect(replies).toEqual(['n1', 'real']);
  });
});
