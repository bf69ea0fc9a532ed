const SHORTEST = 500;
const LONGEST = 10_000;

/**
 * How long to wait before an attempt to reconnect, in ms: any time between the shortest and a limit
 * that doubles, so that the tabs of a gateway that went away do not all come back at once.
 *
 * @param {number} failures how many attempts failed in a row
 * @param {() => number} random from 0 up to 1
 */
export function delayAfter(failures, random = Math.random) {
  const limit = Math.min(LONGEST, SHORTEST * 2 ** failures);
  return SHORTEST + random() * (limit - SHORTEST);
}
