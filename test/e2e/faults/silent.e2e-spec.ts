import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../../src/options/resolve-options.js';
import { createTestBroker } from '../../conformance/test-broker.js';
import { closeAfterTest, createClient } from '../../support/app.js';
import { useRedis } from '../../support/redis.js';
import { IN_MEMORY } from '../../support/in-memory.js';

/** Longer than the test: the heartbeat must not end the silence. */
const HEARTBEAT = { pingInterval: 60_000, pingTimeout: 60_000 };

describe('a Redis that is connected and does not answer', () => {
  const redis = useRedis();

  /** Redis reads nothing until the end of the test. */
  function silence(): void {
    process.kill(redis.pid, 'SIGSTOP');
    closeAfterTest(async () => process.kill(redis.pid, 'SIGCONT'));
  }

  it.skipIf(IN_MEMORY)(
    'is sent as many messages as `publishLimit` allows; further ones fail at once',
    async () => {
      const client = createClient({
        connection: redis.url,
        publishLimit: { maxMessages: 100 },
        ...HEARTBEAT,
      });
      await client.connect();
      silence();
      const sent = Array.from({ length: 100 }, (_, i) => firstValueFrom(client.emit('silent', i)));
      await expect(firstValueFrom(client.emit('silent', 100))).rejects.toMatchObject({
        code: 'ERR_PUBSUB_CONNECTION',
        message: expect.stringContaining('has not confirmed 100 messages') as string,
      });
      process.kill(redis.pid, 'SIGCONT');
      // Nothing that was accepted is lost.
      expect(await Promise.all(sent)).toEqual(Array(100).fill(0));
      await expect(firstValueFrom(client.emit('silent', 101))).resolves.toBe(0);
    },
  );

  it.skipIf(IN_MEMORY)('is sent as many bytes as `publishLimit` allows', async () => {
    const broker = createTestBroker(redis.url, {
      publishLimit: { maxMessages: 100, maxBytes: 25_000 },
      ...HEARTBEAT,
    });
    await broker.connect(0);
    silence();
    const sent = [1, 2].map(() => broker.publish('silent', 'x'.repeat(10_000)));
    await expect(broker.publish('silent', 'x'.repeat(10_000))).rejects.toMatchObject({
      code: 'ERR_PUBSUB_CONNECTION',
    });
    process.kill(redis.pid, 'SIGCONT');
    expect(await Promise.all(sent)).toEqual([0, 0]);
  });

  it('by default does not limit a burst of 100,000 messages', async () => {
    const client = createClient({ connection: redis.url });
    await client.connect();
    const sent = Array.from({ length: 100_000 }, (_, i) =>
      firstValueFrom(client.emit('burst', { id: i, text: 'x'.repeat(100) })),
    );
    expect(new Set(await Promise.all(sent))).toEqual(new Set([0]));
  });

  it.each([
    ['100,000 messages', 100_000, 'x', 'not confirmed 100000 messages'],
    ['64 MiB', 64, 'x'.repeat(2 ** 20), 'not confirmed 64 messages of 67108864 bytes'],
  ])('by default takes %s, and none that follows', async (_, count, payload, expected) => {
    const { publishLimit } = resolveOptions('RedisPubSubClient');
    const broker = createTestBroker(redis.url, { publishLimit, ...HEARTBEAT });
    await broker.connect(0);
    const sent = Array.from({ length: count }, () => broker.publish('silent', payload));
    await expect(broker.publish('silent', payload)).rejects.toThrow(expected);
    expect(new Set(await Promise.all(sent))).toEqual(new Set([0]));
  });
});
