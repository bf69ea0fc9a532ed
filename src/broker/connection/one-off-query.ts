import type { Redis, RedisOptions } from 'ioredis';
import { PUBLISHER_OPTIONS } from './create-clients.js';
import { disconnect } from './disconnect.js';

/** How long a server may take to answer, and before that to take the connection; in milliseconds. */
const ASK_TIMEOUT = 1_000;

/** How long all that may take once nobody waits for the answer; in milliseconds. */
const HURRY = 500;

/** What a client needs to be for one question. */
export const SCOUT = {
  ...PUBLISHER_OPTIONS,
  retryStrategy: () => null,
  // ioredis would wait until a server has loaded its data, however long that takes.
  enableReadyCheck: false,
  connectTimeout: ASK_TIMEOUT,
  commandTimeout: ASK_TIMEOUT,
} as const satisfies RedisOptions;

/**
 * Asks over a connection of its own: one that has been there for long may be dead, and nobody has
 * noticed. Resolves or rejects when that is closed at either end; `signal` has it hurry.
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
  const ended = new Promise<void>((resolve) => scout.once('end', resolve));
  let deadline: NodeJS.Timeout | undefined;
  const hurry = (): void => {
    // Destroyed here at once, it would be there at the server for a while.
    deadline = setTimeout(() => scout.disconnect(), HURRY);
  };
  signal.addEventListener('abort', hurry);
  try {
    await scout.connect();
    const answer = await question(scout);
    await disconnect(scout);
    return answer;
  } catch (error) {
    scout.disconnect();
    await ended;
    // Of a connection that fails ioredis itself just says that it is closed.
    throw reason ?? error;
  } finally {
    signal.removeEventListener('abort', hurry);
    clearTimeout(deadline);
  }
}
