const time = new Intl.DateTimeFormat('en', { timeStyle: 'short' });
const day = new Intl.DateTimeFormat('en', { dateStyle: 'full' });
const DAY_MS = 24 * 60 * 60_000;

/** @param {number} at ms */
export function timeOf(at) {
  return time.format(at);
}

/**
 * @param {number} at ms
 * @param {number} now ms
 */
export function dayOf(at, now = Date.now()) {
  if (isSameDay(at, now)) return 'Today';
  return isSameDay(at, now - DAY_MS) ? 'Yesterday' : day.format(at);
}

/**
 * Whether two times are on the same day, where the reader is.
 *
 * @param {number} one ms
 * @param {number} other ms
 */
export function isSameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}
