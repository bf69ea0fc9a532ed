const FIRST_LIMIT_MS = 500;
const MAX_LIMIT_MS = 10_000;

/**
 * The delay before an attempt to reconnect, in ms: a random time below a limit that doubles with each failure. When
 * a node dies, its thousands of pages come to the other one in the course of that time, and not at the same moment.
 *
 * @param {number} failures the number of failed attempts in a row
 * @param {() => number} random returns a number from 0 to 1, without 1
 */
export function delayAfter(failures, random = Math.random) {
  return random() * Math.min(MAX_LIMIT_MS, FIRST_LIMIT_MS * 2 ** failures);
}
