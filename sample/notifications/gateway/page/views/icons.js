import { html, svg } from './lit.js';

/** @import { Happening } from '../happening.js' */
/** @import { NotificationType } from '../types.js' */

const BELL = svg`<path d="M12 3a6 6 0 0 0-6 6v4l-2 4h16l-2-4V9a6 6 0 0 0-6-6Zm-2.5 16a2.5 2.5 0 0 0 5 0Z" />`;
const CROSS = svg`<path d="m6 6 12 12M18 6 6 18" class="stroke" />`;
const HEART = svg`<path class="stroke" d="M12 20S4 15 4 9.5A4 4 0 0 1 12 8a4 4 0 0 1 8 1.5C20 15 12 20 12 20Z" />`;
const BUBBLE = svg`<path class="stroke" d="M4 5h16v11H11l-4 4v-4H4Z" />`;
const LETTER = svg`<path class="stroke" d="M3.5 6h17v12h-17Zm0 0 8.5 7 8.5-7" />`;
const PERSON = svg`<path class="stroke" d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 8a7 7 0 0 1 14 0" />`;
const DISC = svg`<circle cx="12" cy="12" r="10" />`;

const TYPES = {
  info: svg`${DISC}<path class="mark" d="M12 11v6M12 7.5v.1" />`,
  warning: svg`<path d="M12 2 23 21H1Z" /><path class="mark" d="M12 9.5v5M12 17.8v.1" />`,
  error: svg`<path d="M8 2h8l6 6v8l-6 6H8l-6-6V8Z" /><path class="mark" d="m9 9 6 6M15 9l-6 6" />`,
  success: svg`${DISC}<path class="mark" d="m7.5 12.5 3 3 6-6.5" />`,
};

const HAPPENINGS = { like: HEART, comment: BUBBLE, message: LETTER, follow: PERSON, other: BELL };

export const bellIcon = icon(BELL);
export const crossIcon = icon(CROSS);
export const heartIcon = icon(HEART);

/**
 * The icon of a type. The text beside it says the same.
 *
 * @param {NotificationType} type
 */
export function typeIcon(type) {
  return html`<span class="type" data-type=${type}>${icon(TYPES[type])}</span>`;
}

/**
 * The icon of what happened. The text beside it says the same.
 *
 * @param {Happening} happening
 */
export function happeningIcon(happening) {
  return html`<span class="happening">${icon(HAPPENINGS[happening])}</span>`;
}

/** @param {unknown} shape */
function icon(shape) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${shape}</svg>`;
}
