/** What a process has used. */
export interface ProcessUsage {
  /** Resident memory now, in bytes. */
  readonly memory: number;
  /** CPU time since its start, in milliseconds. */
  readonly cpu: number;
}

/** What this process has used. */
export function processUsage(): ProcessUsage {
  const { user, system } = process.cpuUsage();
  return { memory: process.memoryUsage.rss(), cpu: (user + system) / 1_000 };
}
