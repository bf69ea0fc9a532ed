import type { ChainableCommander, Redis } from 'ioredis';

/** Runs commands as one atomic step (MULTI); resolves to their results, or rejects with what failed. */
export async function inOneStep<Results extends unknown[]>(
  redis: Redis,
  queue: (step: ChainableCommander) => ChainableCommander,
): Promise<Results> {
  const results = await queue(redis.multi()).exec();
  return (results ?? []).map(([error, result]) => {
    if (error) throw error;
    return result;
  }) as Results;
}
