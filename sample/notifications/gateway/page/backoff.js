const MIN_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;

/**
 * The delay before an attempt to reconnect, in ms: a random time between a minimum and a limit that doubles
 * with each failure, so that the tabs of a restarted gateway do not all reconnect at once.
 *
 * @param {number} failures the number of failed attempts in a row
 * @param {() => number} random returns a number from 0 to 1, without 1
 */
export function delayAfter(failures, random = Math.random) {
  const limit = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** failures);
  return MIN_DELAY_MS + random() * (limit - MIN_DELAY_MS);
}
