/**
 * Calls `run` after a random part of a time, because all pages of a gateway get the same event at the same moment. Not
 * when the signal is aborted before.
 *
 * @param {number} spreadMs
 * @param {AbortSignal} signal
 * @param {() => unknown} run
 * @param {() => number} random returns a number from 0 to 1, without 1
 */
export function spread(spreadMs, signal, run, random = Math.random) {
  setTimeout(() => signal.aborted || run(), random() * spreadMs);
}
