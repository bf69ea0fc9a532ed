import { setImmediate } from 'node:timers/promises';

/** The memory of a process, in bytes. */
export interface Memory {
  readonly heap: number;
  /** Resident memory. */
  readonly rss: number;
}

/** The memory of this process without garbage, which it collects if it runs with `--expose-gc`. */
export async function memoryWithoutGarbage(): Promise<Memory> {
  // Objects that one collection frees can release others only in a later turn.
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await setImmediate();
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}
