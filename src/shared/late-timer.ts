/** A timer that is later than this was late since the process was busy. */
const MAX_LATE_MS = 20;

/** The most that a limit is extended by: enough for another end that answers. */
const MAX_EXTENSION_MS = 1_000;

/**
 * By how many milliseconds to extend a limit whose timer was late; 0 if it was not. While a process is busy
 * it sends nothing, so that the other end could not answer.
 */
export function extensionMs(lateMs: number): number {
  return lateMs > MAX_LATE_MS ? Math.min(lateMs, MAX_EXTENSION_MS) : 0;
}
