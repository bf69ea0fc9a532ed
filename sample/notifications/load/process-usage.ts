/** Memory and CPU time of a process. */
export interface ProcessUsage {
  /** Resident memory now, in bytes. */
  readonly memory: number;
  /** CPU time since its start, in milliseconds. */
  readonly cpu: number;
}

/** Memory and CPU time of this process. */
export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return { memory: process.memoryUsage.rss(), cpu: (user + system) / 1_000 };
}
