import { vi } from 'vitest';

/**
 * Resolves when `isTrue` returns true. The long timeout leaves time for a slow machine.
 *
 * @param isTrue - Looks at the fact that the caller waits for; an error counts as false.
 * @param expected - The fact in words, for the error of a timeout. Default: the code of `isTrue`.
 */
export async function eventually(
  isTrue: () => boolean | Promise<boolean>,
  expected: string | (() => string) = () => String(isTrue),
): Promise<void> {
  // Created here, so that its stack shows the caller.
  const notYet = new Error('not yet');
  const look = async (): Promise<void> => {
    if (!(await isTrue())) throw notYet;
  };
  try {
    await vi.waitFor(look, { timeout: 20_000, interval: 5 });
  } catch (error) {
    const fact = typeof expected === 'string' ? expected : expected();
    notYet.message = `Not true in time: ${fact}`;
    if (error !== notYet) notYet.cause = error;
    throw notYet;
  }
}
