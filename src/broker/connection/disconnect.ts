import type { Redis } from 'ioredis';
import { TimeLimit } from './time-limit.js';

/** How long a QUIT may take before the socket is destroyed. */
const QUIT_TIMEOUT_MS = 1_000;

/**
 * Sends what is queued, then closes; resolves when the connection is gone.
 *
 * @see https://redis.io/docs/latest/commands/quit/
 */
export async function disconnect(client: Redis): Promise<void> {
  if (client.status === 'wait') return;
  if (client.status === 'end') {
    // ioredis keeps its connections to the sentinels after its last attempt.
    if (client.options.sentinels) client.disconnect();
    return;
  }
  if (client.status === 'reconnecting') {
    // Between two attempts ioredis stops at once, and emits no event.
    client.disconnect();
    return;
  }
  let limit: TimeLimit | undefined;
  const ended = new Promise<void>((resolve) => {
    client.once('end', resolve);
    // Without a socket, as while ioredis queries the sentinels, there is nothing to destroy.
    const onReached = (): void => {
      if (client.stream && !client.stream.destroyed) client.stream.destroy();
      else resolve();
    };
    limit = new TimeLimit(QUIT_TIMEOUT_MS, () => client.stream, onReached);
  });
  if (client.status === 'ready') await client.quit().catch(() => undefined);
  client.disconnect();
  await ended;
  limit?.cancel();
}
