import type { ChainableCommander, Redis } from 'ioredis';

/** Runs commands in a transaction (MULTI); resolves to their results, or rejects with the first error. */
export async function runTransaction<Results extends unknown[]>(
  redis: Redis,
  queue: (step: ChainableCommander) => ChainableCommander,
): Promise<Results> {
  const results = await queue(redis.multi()).exec();
  return (results ?? []).map(([error, result]) => {
    if (error) throw error;
    return result;
  }) as Results;
}
