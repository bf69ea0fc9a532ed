import { exactTime, relativeTime } from '../relative-time.js';
import { html } from './lit.js';

/**
 * @param {string} timestamp ISO 8601
 * @param {number} now ms
 */
export function timeView(timestamp, now) {
  return html`<time datetime=${timestamp} title=${exactTime(timestamp)}
    >${relativeTime(timestamp, now)}</time
  >`;
}
