import { setTimeout as delay } from 'node:timers/promises';

/** How often it is looked at what is due, in milliseconds. */
const TICK = 2;

/**
 * Calls `act` with each number below `count`, so many times per second, evenly spaced; what a busy
 * process was late for is made up at once. Resolves to the time that it took, in milliseconds.
 */
export async function pace(
  count: number,
  perSecond: number,
  act: (index: number) => void,
): Promise<number> {
  const start = performance.now();
  const elapsed = (): number => performance.now() - start;
  let done = 0;
  while (done < count) {
    await delay(TICK);
    const due = Math.min(count, Math.floor((elapsed() * perSecond) / 1_000));
    while (done < due) act(done++);
  }
  return elapsed();
}
