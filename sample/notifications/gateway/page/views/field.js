import { html, live } from './lit.js';

/** @import { Drafts } from '../drafts.js' */

/**
 * A text field whose text is kept until it is sent. It has no maximum length, which would cut pasted text:
 * the server rejects text that is too long.
 *
 * @param {object} field
 * @param {string} field.key
 * @param {Drafts} field.drafts
 * @param {string} field.label for screen readers
 * @param {string} field.hint
 */
export function fieldView({ key, drafts, label, hint }) {
  return html`
    <input
      type="text"
      required
      autocomplete="off"
      aria-label=${label}
      placeholder=${hint}
      .value=${live(drafts.get(key))}
      @input=${onInput(key, drafts)}
    />
  `;
}

/**
 * @param {string} key
 * @param {Drafts} drafts
 */
export function onInput(key, drafts) {
  /** @param {Event & { target: HTMLInputElement }} event */
  return ({ target }) => drafts.set(key, target.value);
}
