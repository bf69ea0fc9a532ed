/** @type {readonly [Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'medium' });

/**
 * Formats a time as "5 minutes ago". A time in the future is "just now", because clocks can differ.
 *
 * @param {string} timestamp ISO 8601
 * @param {number} now ms
 */
export function relativeTime(timestamp, now) {
  const seconds = (now - Date.parse(timestamp)) / 1_000;
  const unit = UNITS.find(([, length]) => seconds >= length);
  return unit ? relative.format(-Math.floor(seconds / unit[1]), unit[0]) : 'just now';
}

/** @param {string} timestamp ISO 8601 */
export function exactTime(timestamp) {
  return exact.format(new Date(timestamp));
}
