/** The time that some work took, in microseconds. */
export interface Usage {
  /** CPU time of all threads of this process. */
  readonly cpu: number;
  /** Wall time. */
  readonly wall: number;
}

/** Starts to measure this process. The returned function returns the usage since then. */
export function meter(): () => Usage {
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    return { cpu: user + system, wall: (performance.now() - before) * 1_000 };
  };
}

/** The usage of one message of `count`. */
export function perMessage({ cpu, wall }: Usage, count: number): Usage {
  return { cpu: cpu / count, wall: wall / count };
}

/** The CPU time of a usage, by which samples are sorted. */
export function cpuOf({ cpu }: Usage): number {
  return cpu;
}
