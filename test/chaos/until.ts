import { setTimeout } from 'node:timers/promises';

/** How long anything may take. For a broken build, not for the machine: nothing here takes that long. */
export const CEILING = 30_000;

/** Resolves when `isTrue` is. The error says what was not. */
export async function until(
  what: string | (() => string),
  isTrue: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + CEILING;
  while (!(await isTrue())) {
    if (performance.now() > deadline) {
      throw new Error(`Not within ${CEILING} ms: ${typeof what === 'string' ? what : what()}`);
    }
    await setTimeout(5);
  }
}
