/**
 * The most that each count may be, about 15 % above what was measured with Node 20. The counts do not depend on the
 * machine. One that grows beyond its limit makes the run fail: find the cause, and raise a limit only with a reason.
 */
export const LIMITS = {
  /** Bytes. */
  allocatedPerReceived: 6_000,
  allocatedPerObserved: 1_100,
  allocatedPerEmitted: 6_300,
  /** For the events of one tick: the first is written at once, and all others together. */
  writesPerTick: 2,
  commandsPerTick: 100,
  commandsPerBatch: 1,
  /** Those of the heartbeat: on a busy machine a count takes seconds. A timer for each message would be a thousand. */
  timersPerThousandReceived: 20,
  timersPerThousandEmitted: 20,
} as const;
