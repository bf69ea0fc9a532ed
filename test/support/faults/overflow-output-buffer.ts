import type { Cluster, Redis } from 'ioredis';
import type { NumberedChannel } from './numbered-channel.js';

const MESSAGES = 64;
const PAD = 'x'.repeat(64 * 1024);

const SCRIPT = `for i = 0, ARGV[2] - 1 do
  local message = string.format('{"number":%d,"pad":"%s"}', ARGV[1] + i, ARGV[3])
  redis.call('PUBLISH', ARGV[4], message)
end`;

/**
 * Publishes 64 messages of 64 kB on each channel, which is more than the output buffer of a subscriber may
 * hold; Redis then closes the connection. Resolves when Redis has published all messages.
 */
export async function overflowOutputBuffer(
  control: Redis,
  publisher: Redis | Cluster,
  channels: readonly NumberedChannel[],
): Promise<void> {
  const limit = (value: string) =>
    control.config('SET', 'client-output-buffer-limit', `pubsub ${value}`);
  await limit('1mb 1mb 0');
  const published = channels.map(async (channel) => {
    // Redis sends nothing to any client while a script runs.
    const script = publisher.eval(SCRIPT, 0, channel.next, MESSAGES, PAD, channel.name);
    const settled = Array.from({ length: MESSAGES }, () => channel.publish(() => script));
    await Promise.all(settled);
  });
  await Promise.all(published);
  await limit('32mb 8mb 60');
}
