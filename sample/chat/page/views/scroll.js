/** @import { State } from '../types.js' */

/** How near to an end counts as there, in pixels. */
const NEAR_END = 40;
const NEAR_START = 200;

/** @param {HTMLElement} log */
export function isAtEnd({ scrollHeight, scrollTop, clientHeight }) {
  return scrollHeight - scrollTop - clientHeight < NEAR_END;
}

/** @param {HTMLElement} log */
export function isNearStart({ scrollTop }) {
  return scrollTop < NEAR_START;
}

export function scrollToEnd() {
  const log = document.getElementById('log');
  if (log) log.scrollTop = log.scrollHeight;
}

/**
 * Keeps the place of the reader over a change of the transcript: the end, or the same message.
 *
 * @param {State} state the new state
 */
export function keepPlace({ isAtEnd, open }) {
  const before = document.getElementById('log');
  const room = before?.dataset.room;
  const firstId = firstIdOf(before);
  const fromEnd = before ? before.scrollHeight - before.scrollTop : 0;
  return {
    restore() {
      const log = document.getElementById('log');
      if (!log) return;
      if (isAtEnd || room !== open) log.scrollTop = log.scrollHeight;
      // Messages were added above what the reader sees.
      else if (firstIdOf(log) !== firstId) log.scrollTop = log.scrollHeight - fromEnd;
    },
  };
}

/** @param {HTMLElement | null} log */
function firstIdOf(log) {
  return log?.querySelector('[data-id]')?.getAttribute('data-id');
}
