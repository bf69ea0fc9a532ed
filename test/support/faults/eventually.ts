import { eventually as waitUntil } from '../redis.js';

/**
 * Resolves when `isTrue` returns true. An error that `isTrue` throws ends the wait at once.
 *
 * @param isTrue - Looks at the fact that the caller waits for.
 * @param expected - The fact in words; the error of a timeout contains it.
 */
export async function eventually(
  isTrue: () => boolean | Promise<boolean>,
  expected: string | (() => string),
): Promise<void> {
  const failures: Error[] = [];
  const look = async (): Promise<boolean> => {
    try {
      return await isTrue();
    } catch (error) {
      failures.push(error instanceof Error ? error : new Error(String(error)));
      return true;
    }
  };
  await waitUntil(look).catch((error: unknown) => {
    const fact = typeof expected === 'string' ? expected : expected();
    throw new Error(`Not true in time: ${fact}`, { cause: error });
  });
  const [failure] = failures;
  if (failure) throw failure;
}
