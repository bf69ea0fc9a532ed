/** What some work has taken, in microseconds. */
export interface Usage {
  /** CPU time of this process, all threads. */
  readonly cpu: number;
  /** The time that has passed. */
  readonly wall: number;
}

/** Starts to measure what this process uses; the function that it returns says what it was. */
export function meter(): () => Usage {
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    return { cpu: user + system, wall: (performance.now() - before) * 1_000 };
  };
}

/** The same work, for one of so many. */
export function perMessage({ cpu, wall }: Usage, count: number): Usage {
  return { cpu: cpu / count, wall: wall / count };
}

/** The CPU time of a usage, which is what samples are compared by. */
export function cpuOf({ cpu }: Usage): number {
  return cpu;
}
