import type { Redis } from 'ioredis';

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
  let deadline: NodeJS.Timeout | undefined;
  const ended = new Promise<void>((resolve) => {
    client.once('end', resolve);
    // Without a socket, as while ioredis queries the sentinels, there is nothing to destroy.
    deadline = setTimeout(
      () => (client.stream && !client.stream.destroyed ? client.stream.destroy() : resolve()),
      QUIT_TIMEOUT_MS,
    );
  });
  if (client.status === 'ready') await client.quit().catch(() => undefined);
  client.disconnect();
  await ended;
  clearTimeout(deadline);
}
