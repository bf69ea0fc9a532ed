import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { closeAfterTest, startService } from '../../support/app.js';
import { startBuiltIn } from '../../support/built-in.js';
import { requestHandler } from '../../support/handlers.js';
import { eventually, plain, useRedis } from '../../support/redis.js';

/** What a publisher that knows nothing of Nest sends, and what the built-in makes of it. */
const PAYLOADS = [
  [{ id: 'n1', title: 'Hi', data: { a: 1 } }, { a: 1 }],
  [{ title: 'Hi', data: { a: 1 } }, { a: 1 }],
  [{ pattern: 'stripes', colour: 'red' }, undefined],
  [{ pattern: 'stripes', data: 7, id: 'n1' }, 7],
] as const;

/** A request as Nest's own client publishes it; its reply comes after all that was sent before. */
const requestOn = (channel: string): string =>
  JSON.stringify({ pattern: channel, id: 'real', data: 'last' });

describe('JSON of a publisher that is not Nest', () => {
  const redis = useRedis();

  /** The ids of what is published on a reply channel, from now on. */
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

  it.each(PAYLOADS)('reaches the handler whole and is not answered: %j', async (payload) => {
    const channel = `foreign.ours.${JSON.stringify(payload)}`;
    const heard: unknown[] = [];
    // Escaped, since this name has the brackets and colons of a pattern.
    const pattern = channel.replaceAll(/[[\]:*?\\]/g, String.raw`\$&`);
    await startService(
      requestHandler(pattern, (data) => heard.push(data)),
      { connection: redis.url },
    );
    const replies = await repliesOn(channel);
    await redis.client.publish(channel, JSON.stringify(payload));
    await redis.client.publish(channel, requestOn(channel));
    await eventually(() => replies.includes('real'));
    expect(heard).toEqual([payload, 'last']);
    expect(replies).toEqual(['real']);
  });

  it.each(PAYLOADS)('[built-in] is mangled: %j', async (payload, mangled) => {
    const channel = `foreign.builtin.${JSON.stringify(payload)}`;
    const heard: unknown[] = [];
    await startBuiltIn(
      requestHandler(channel, (data) => heard.push(data)),
      { port: redis.port },
    );
    await redis.subscribers(channel, 1);
    await redis.client.publish(channel, JSON.stringify(payload));
    await eventually(() => heard.length >= 1);
    expect(heard).toEqual([mangled]);
  });

  it('[built-in] with an id it is answered with a reply that nobody asked for', async () => {
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
