import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { installCredentials } from '../../../../src/broker/connection/credentials.js';
import type { Credentials } from '../../../../src/broker/connection/credentials.js';

const never = (): Promise<Credentials> => new Promise<Credentials>(() => undefined);

/** Connects with credentials that never resolve. */
const connect = (): { client: Redis; failure: Promise<unknown> } => {
  const client = installCredentials(
    new Redis({ lazyConnect: true, retryStrategy: () => null }),
    never,
  );
  client.on('error', () => undefined);
  const failure = client.connect().catch((error: unknown) => error);
  return { client, failure };
};

describe('installCredentials, with credentials that never resolve', () => {
  afterEach(() => vi.useRealTimers());

  it('fails the attempt after ten seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { client, failure } = connect();
    let outcome: unknown;
    void failure.then((error) => {
      outcome = error;
    });
    await vi.advanceTimersByTimeAsync(9_999);
    expect(outcome).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(outcome).toMatchObject({ message: 'Expected "credentials" within 10000 ms' });
    expect(client.status).toBe('end');
  });

  it('fails the attempt when the client disconnects', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { client, failure } = connect();
    client.disconnect();
    expect(await failure).toMatchObject({ message: 'Connection is closed.' });
    expect(client.status).toBe('end');
  });
});
