import type { Redis, RedisOptions } from 'ioredis';
import { PUBLISHER_OPTIONS } from './clients.js';

/** How long a server may take to answer, and before that to take the connection; in milliseconds. */
const ASK_TIMEOUT = 1_000;

/** What a client needs to be for one question. */
export const SCOUT = {
  ...PUBLISHER_OPTIONS,
  retryStrategy: () => null,
  connectTimeout: ASK_TIMEOUT,
  commandTimeout: ASK_TIMEOUT,
} as const satisfies RedisOptions;

/**
 * Asks over a connection of its own: one that has been there for long may be dead, and nobody has
 * noticed. Resolves or rejects when that is closed; `signal` ends it early.
 */
export async function ask<Answer>(
  scout: Redis,
  question: (redis: Redis) => Promise<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  let reason: unknown;
  scout.on('error', (error: unknown) => {
    reason = error;
  });
  const stop = (): void => scout.disconnect();
  signal.addEventListener('abort', stop);
  const ended = new Promise<void>((resolve) => scout.once('end', resolve));
  try {
    await scout.connect();
    return await question(scout);
  } catch (error) {
    // Of a connection that fails ioredis itself just says that it is closed.
    throw reason ?? error;
  } finally {
    signal.removeEventListener('abort', stop);
    scout.disconnect();
    await ended;
  }
}
