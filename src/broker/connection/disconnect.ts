import type { Redis } from 'ioredis';

/** How long a connection may take to say goodbye before its socket is destroyed. */
const QUIT_TIMEOUT = 1_000;

/** Sends what is queued, then closes; resolves when the connection is gone. */
export async function disconnect(client: Redis): Promise<void> {
  if (client.status === 'wait') return;
  if (client.status === 'end') {
    // ioredis goes on listening to the sentinels after it has given up.
    if (client.options.sentinels) client.disconnect();
    return;
  }
  if (client.status === 'reconnecting') {
    // Between two attempts ioredis just stops, and tells nobody.
    client.disconnect();
    return;
  }
  let deadline: NodeJS.Timeout | undefined;
  const ended = new Promise<void>((resolve) => {
    client.once('end', resolve);
    // Before there is a socket, as while sentinels are asked, and after it there is nothing to end.
    deadline = setTimeout(
      () => (client.stream && !client.stream.destroyed ? client.stream.destroy() : resolve()),
      QUIT_TIMEOUT,
    );
  });
  if (client.status === 'ready') await client.quit().catch(() => undefined);
  client.disconnect();
  await ended;
  clearTimeout(deadline);
}
