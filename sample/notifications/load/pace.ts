import { setTimeout as delay } from 'node:timers/promises';

/** Interval between two batches of due calls, in milliseconds. */
const TICK_MS = 2;

/**
 * Calls `run` with each number below `count`, evenly spaced at `perSecond` calls per second. Calls that a busy
 * process delays are made at once. Resolves to the time that it took, in milliseconds.
 */
export async function pace(
  count: number,
  perSecond: number,
  run: (index: number) => void,
): Promise<number> {
  const start = performance.now();
  const elapsed = (): number => performance.now() - start;
  let done = 0;
  while (done < count) {
    await delay(TICK_MS);
    const due = Math.min(count, Math.floor((elapsed() * perSecond) / 1_000));
    while (done < due) run(done++);
  }
  return elapsed();
}
