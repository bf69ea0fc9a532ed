import { firstValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { ConnectionError } from 'nestjs-redis-pubsub';
import { createClient } from '../support/app.js';
import { eventually, useRedis } from '../support/redis.js';

const redis = useRedis();

async function clientWithoutRedis(options: object) {
  const client = createClient({ connection: redis.url, ...options });
  let status: string | undefined;
  client.status.subscribe((now) => {
    status = now;
  });
  await client.connect();
  await redis.stop();
  await eventually(() => status === 'reconnecting');
  return client;
}

it('an event that is emitted while Redis is down is sent after the reconnect', async () => {
  const client = await clientWithoutRedis({ publishBuffer: { maxAge: 60_000 } });
  const receivers = firstValueFrom(client.emit('away.a', 1));
  await redis.start();
  expect(await receivers).toBe(0);
});

it('a request that is sent while Redis is down rejects at once', async () => {
  const client = await clientWithoutRedis({ publishBuffer: { maxAge: 1_000_000 } });
  await expect(firstValueFrom(client.send('away.b', 1))).rejects.toThrow(ConnectionError);
  await redis.start();
});

it('an event without a publish buffer rejects at once', async () => {
  const client = await clientWithoutRedis({ publishBuffer: false });
  await expect(firstValueFrom(client.emit('away.c', 1))).rejects.toThrow(
    'Cannot publish to "away.c": not connected to Redis',
  );
  await redis.start();
});

it('an event waits, and a request rejects at once, also while connect is pending', async () => {
  const client = await clientWithoutRedis({ publishBuffer: { maxAge: 60_000 } });
  const failed = client.connect().catch((error: unknown) => error);
  const receivers = firstValueFrom(client.emit('away.d', 1));
  await expect(firstValueFrom(client.send('away.e', 1))).rejects.toThrow(
    'Cannot send a request: not connected',
  );
  expect(await failed).toBeInstanceOf(ConnectionError);
  await redis.start();
  expect(await receivers).toBe(0);
});
