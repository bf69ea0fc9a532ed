import type { Redis } from 'ioredis';
import { ConnectionError } from '../../errors.js';
import { beforeConnect } from './ioredis-internals.js';
import type { ServerWatch } from './server-watch.js';

/**
 * Asks a {@link ServerWatch} before each attempt of a client to connect. An attempt that it does not want fails with
 * its reason, and is made again later.
 */
export function installAdmission(client: Redis, serverWatch: ServerWatch | undefined): void {
  if (!serverWatch?.unwanted) return;
  let attempt = new AbortController();
  const before = async (): Promise<void> => {
    attempt = new AbortController();
    const { signal } = attempt;
    const reason = await serverWatch.unwanted?.(client, signal);
    if (signal.aborted) throw new Error('Connection is closed.');
    if (reason !== undefined) throw new ConnectionError(reason);
  };
  beforeConnect(client, before, () => attempt.abort());
}
